// A reactor with a clock that the test sets, and clients on real sockets. Nothing sleeps: whoever
// waits, waits in poll(2) for the reactor's epoll set or a client's socket.
#ifndef PG_HELLO_TEST_HTTP_REACTOR_HARNESS_H
#define PG_HELLO_TEST_HTTP_REACTOR_HARNESS_H

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pg_hello/http/reactor.h"

namespace pg_hello::http {

// Connects to the loopback interface. Collects what it is sent.
class Client {
 public:
  // A small `receive_buffer` makes a reader whose sender soon has to wait.
  explicit Client(std::uint16_t port, int receive_buffer = 0, std::uint32_t host = INADDR_LOOPBACK,
                  std::uint32_t from = INADDR_ANY)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(from);
    if (from != INADDR_ANY) bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    address.sin_addr.s_addr = htonl(host);
    address.sin_port = htons(port);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Client() { Close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Send(const std::string& bytes) const {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t count = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<std::size_t>(count);
    }
  }
  void Get(const std::string& target) const {
    Send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  void FinishSending() const { shutdown(fd_, SHUT_WR); }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  void Reset() {  // makes close() send RST
    const linger now = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    Close();
  }

  // Takes what has arrived, at most `limit` bytes of it.
  void Receive(std::size_t limit = SIZE_MAX) {
    char chunk[65536];
    while (!closed_ && limit > 0) {
      const ssize_t count = recv(fd_, chunk, std::min(sizeof(chunk), limit), MSG_DONTWAIT);
      if (count > 0) {
        received_.append(chunk, static_cast<std::size_t>(count));
        limit -= static_cast<std::size_t>(count);
        continue;
      }
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      closed_ = true;
      reset_ = count < 0;
    }
  }

  int fd() const { return fd_; }
  bool connected() const { return connected_; }
  bool closed() const { return closed_; }  // by the server, one way or the other
  bool reset() const { return reset_; }
  const std::string& received() const { return received_; }
  bool Has(const std::string& text) const { return received_.find(text) != std::string::npos; }
  int Count(const std::string& text) const {
    int count = 0;
    for (std::size_t at = received_.find(text); at != std::string::npos;
         at = received_.find(text, at + text.size())) {
      ++count;
    }
    return count;
  }
  // Of the first response.
  int status() const { return received_.size() < 12 ? 0 : std::stoi(received_.substr(9, 3)); }
  std::string body() const {
    const std::size_t end = received_.find("\r\n\r\n");
    return end == std::string::npos ? std::string() : received_.substr(end + 4);
  }

 private:
  int fd_;
  bool connected_ = false;
  bool closed_ = false;
  bool reset_ = false;
  std::string received_;
};

class Site {
 public:
  using Routes = std::vector<std::pair<std::string, Handler>>;

  explicit Site(const Routes& routes = {}, Limits limits = Limits()) {
    auto router = std::make_unique<Router>();
    router->Handle("/ok", [](const Request&) { return TextResponse(200, "fine\n"); });
    for (const auto& [path, handler] : routes) router->Handle(path, handler);
    reactor = std::make_unique<Reactor>(
        std::move(router), limits,
        [this](const std::string& path, int status) { observed.emplace_back(path, status); },
        [this] { return slice_clock_us += slice_clock_step_us; });
  }

  // On a port of the system's choice.
  void Listen() {
    reactor->Listen({{"127.0.0.1", 0}}, now);
    ASSERT_NE(port(), 0) << reactor->listeners().at(0).error;
  }

  std::uint16_t port() const { return reactor->listeners().at(0).port; }

  void Poll() { reactor->Poll(now); }
  void PollAt(std::int64_t ms) {
    now = ms;
    Poll();
  }
  std::int64_t Timeout() const { return reactor->TimeoutMs(now, 1'000'000); }

  // Whether the reactor has something to do, now or very soon.
  bool Readable(int wait_ms = 10'000) const {
    pollfd wait = {reactor->epoll_fd(), POLLIN, 0};
    return poll(&wait, 1, wait_ms) == 1;
  }

  // Waits for the reactor to have something to do and lets it do that once.
  void Step() {
    ASSERT_TRUE(Readable());
    Poll();
  }

  // Turns the reactor and reads for `clients` until `done`; false if that takes 10 real seconds.
  bool Until(const std::vector<Client*>& clients, const std::function<bool()>& done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (true) {
      Poll();
      for (Client* client : clients) client->Receive();
      if (done()) return true;
      if (std::chrono::steady_clock::now() > give_up) return false;
      std::vector<pollfd> wait = {{reactor->epoll_fd(), POLLIN, 0}};
      for (const Client* client : clients) {
        if (!client->closed()) wait.push_back({client->fd(), POLLIN, 0});
      }
      poll(wait.data(), wait.size(), static_cast<int>(reactor->TimeoutMs(now, 1'000)));
    }
  }
  bool UntilClosed(Client& client) {
    return Until({&client}, [&] { return client.closed(); });
  }
  bool UntilReceived(Client& client, const std::string& text) {
    return Until({&client}, [&] { return client.Has(text); });
  }
  bool UntilConnections(int count) {
    return Until({}, [&] { return reactor->connections() == count; });
  }

  std::int64_t now = 1'000'000;
  std::int64_t slice_clock_us = 0;
  std::int64_t slice_clock_step_us = 0;  // each time that it is asked
  std::vector<std::pair<std::string, int>> observed;
  std::unique_ptr<Reactor> reactor;
};

inline Handler SayBody(std::shared_ptr<const std::string> body) {
  return [body = std::move(body)](const Request&) { return Response{200, "text/plain", {}, body}; };
}

inline constexpr std::size_t kMoreThanTheSocketsTake = 8 * 1024 * 1024;

inline Site::Routes WithHugeBody() {
  return {{"/huge", SayBody(std::make_shared<const std::string>(kMoreThanTheSocketsTake, 'x'))}};
}

}  // namespace pg_hello::http

#endif  // PG_HELLO_TEST_HTTP_REACTOR_HARNESS_H
