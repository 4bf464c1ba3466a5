// How the bytes of one connection travel: as they are, or through TLS. Never blocks.
#ifndef PG_HELLO_HTTP_TRANSPORT_H
#define PG_HELLO_HTTP_TRANSPORT_H

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace pg_hello::http {

class Transport {
 public:
  enum class Outcome {
    kDone,
    kBlocked,  // try again when the socket is ready for `events`
    kEnd,      // the client is gone, or will send nothing more
    kFailed,   // the client does not speak as it should: nothing can be said to it any more
  };
  struct Result {
    Outcome outcome = Outcome::kDone;
    std::size_t count = 0;     // kDone: bytes read or written
    std::uint32_t events = 0;  // kBlocked: EPOLLIN or EPOLLOUT
  };

  Transport() = default;
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // At least one byte if kDone. REQUIRES: size > 0.
  virtual Result Read(char* into, std::size_t size) = 0;

  // A beginning of `parts`, at least one byte of them if kDone. After kBlocked, the same bytes (and
  // perhaps more) must be given again. REQUIRES: no part is empty.
  virtual Result Write(std::span<iovec> parts) = 0;

  // Says that no more will be written. The socket stays open.
  virtual Result Finish() = 0;

  // Whether Read() has something to give that the socket does not tell of.
  virtual bool holds_input() const = 0;

  // Whether reading may take a handshake's time: about a millisecond, or several with a long key.
  virtual bool shaking_hands() const = 0;
};

// `socket` is its user's, and must be open when a function is called.
class PlainTransport : public Transport {
 public:
  explicit PlainTransport(int socket) : socket_(socket) {}

  Result Read(char* into, std::size_t size) override;
  Result Write(std::span<iovec> parts) override;
  Result Finish() override { return {}; }
  bool holds_input() const override { return false; }
  bool shaking_hands() const override { return false; }

 private:
  int socket_;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_TRANSPORT_H
