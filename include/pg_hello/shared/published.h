// A plain value in shared memory with one writer at a time and any number of readers that take no
// lock: the writer makes the version odd, stores the value word by word, makes the version even; a
// reader copies and tries again if the version moved meanwhile (a sequence lock).
#ifndef PG_HELLO_SHARED_PUBLISHED_H
#define PG_HELLO_SHARED_PUBLISHED_H

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

namespace pg_hello::shared {

template <typename T>
class Published {
  static_assert(std::is_trivially_copyable_v<T>);
  static constexpr std::size_t kWords = (sizeof(T) + 7) / 8;

 public:
  // REQUIRES: no other thread or process publishes to the same object at the same time.
  void Publish(const T& value) {
    std::array<std::uint64_t, kWords> words{};
    std::memcpy(words.data(), &value, sizeof(T));
    const std::uint32_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t i = 0; i < kWords; ++i) {
      words_[i].store(words[i], std::memory_order_relaxed);
    }
    version_.store(version + 2, std::memory_order_release);
  }

  // A whole value, or nothing if the writer was in the way kAttempts times in a row (it was
  // suspended in the middle of its few instructions). Zeroed memory reads as a zeroed T.
  std::optional<T> Read() const {
    T value;
    return ReadInto(value) ? std::optional(value) : std::nullopt;
  }

  // The same for who has a place for it, which holds anything if it returns false. `version`, if it
  // is not null, is set to that of the value.
  bool ReadInto(T& value, std::uint32_t* version = nullptr) const {
    constexpr int kAttempts = 10'000;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const std::uint32_t before = version_.load(std::memory_order_acquire);
      if (before % 2 != 0) {
        continue;
      }
      auto* const bytes = reinterpret_cast<unsigned char*>(&value);
      for (std::size_t i = 0; i < kWords; ++i) {
        const std::uint64_t word = words_[i].load(std::memory_order_relaxed);
        std::memcpy(bytes + i * 8, &word, i + 1 < kWords ? 8 : sizeof(T) - i * 8);
      }
      std::atomic_thread_fence(std::memory_order_acquire);
      if (version_.load(std::memory_order_relaxed) == before) {
        if (version != nullptr) {
          *version = before;
        }
        return true;
      }
    }
    return false;
  }

  // Even, and the same as long as the value is; odd while another one is being published. Begins
  // again after 2^31 values.
  std::uint32_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::uint32_t> version_;
  std::array<std::atomic<std::uint64_t>, kWords> words_;
};

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_PUBLISHED_H
