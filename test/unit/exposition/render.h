// A whole body at once.
#ifndef PG_HELLO_TEST_UNIT_EXPOSITION_RENDER_H
#define PG_HELLO_TEST_UNIT_EXPOSITION_RENDER_H

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "pg_hello/exposition/renderer.h"

namespace pg_hello::testing {

// Sets `samples`, if it is not null, to the number of samples.
inline std::string RenderAs(exposition::Format format, const snapshot::Snapshot& snapshot,
                            std::size_t* samples = nullptr, exposition::Options options = {}) {
  exposition::Renderer renderer(std::make_shared<const snapshot::Snapshot>(snapshot), format,
                                std::move(options));
  EXPECT_TRUE(renderer.Step(SIZE_MAX));
  if (samples != nullptr) {
    *samples = renderer.samples();
  }
  return renderer.TakeBody();
}

}  // namespace pg_hello::testing

#endif  // PG_HELLO_TEST_UNIT_EXPOSITION_RENDER_H
