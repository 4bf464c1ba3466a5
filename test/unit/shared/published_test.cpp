#include "pg_hello/shared/published.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "support/shared_memory.h"

namespace pg_hello::shared {
namespace {

using ::pg_hello::testing::Zeroed;

// A value that shows when it is torn: all its words are equal.
struct Striped {
  std::array<std::uint64_t, 33> words;
};

// Not a whole number of words.
struct Odd {
  char text[13];
};

TEST(PublishedTest, ZeroedMemoryReadsAsZero) {
  const Zeroed<Published<Striped>> published;
  const std::optional<Striped> value = published->Read();
  ASSERT_TRUE(value.has_value());
  for (const std::uint64_t word : value->words) {
    EXPECT_EQ(word, 0U);
  }
}

TEST(PublishedTest, WhatWasPublishedLastIsRead) {
  const Zeroed<Published<int>> published;
  published->Publish(1);
  published->Publish(2);
  EXPECT_EQ(published->Read(), 2);
  EXPECT_EQ(published->Read(), 2);
}

TEST(PublishedTest, ValuesThatAreNoWholeNumberOfWordsKeepAllTheirBytes) {
  const Zeroed<Published<Odd>> published;
  Odd odd{};
  std::memcpy(odd.text, "hello, world", sizeof(odd.text));
  published->Publish(odd);
  EXPECT_STREQ(published->Read()->text, "hello, world");
}

TEST(PublishedTest, ReadersNeverSeeATornValueOrAnOlderOneThanBefore) {
  constexpr std::uint64_t kPublished = 30'000;
  const Zeroed<Published<Striped>> published;
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::atomic<int> backwards = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      std::uint64_t last = 0;
      bool final_round = false;
      while (!final_round) {
        final_round = done.load();
        const std::optional<Striped> value = published->Read();
        if (!value) {
          continue;  // the writer was suspended half-way; nothing was shown
        }
        for (const std::uint64_t word : value->words) {
          torn += word != value->words[0] ? 1 : 0;
        }
        backwards += value->words[0] < last ? 1 : 0;
        last = value->words[0];
      }
      EXPECT_EQ(last, kPublished);
    });
  }
  for (std::uint64_t i = 1; i <= kPublished; ++i) {
    Striped value;
    value.words.fill(i);
    published->Publish(value);
  }
  done = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(backwards, 0);
}

}  // namespace
}  // namespace pg_hello::shared
