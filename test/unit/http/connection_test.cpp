// What only shows without a reactor around it: one connection over a socketpair.
#include "http/connection.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>

namespace pg_hello::http {
namespace {

constexpr char kGet[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr char kBad[] = "BAD\r\n\r\n";

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    peer = Descriptor(ends[1]);
    connection = std::make_unique<Connection>(
        Descriptor(ends[0]), std::make_unique<PlainTransport>(ends[0]), 7, Limits(), 0);
  }

  void Receive(const std::string& bytes, std::int64_t now_ms = 0) {
    ASSERT_EQ(write(peer.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    connection->OnEvents(EPOLLIN, now_ms, budget);
  }

  Descriptor peer;
  std::unique_ptr<Connection> connection;
  std::size_t budget = 1'000'000'000;
};

using State = Connection::State;

TEST_F(ConnectionTest, MayGiveUpItsPlaceExceptWhileItIsServed) {
  EXPECT_EQ(connection->listener(), 7u);
  EXPECT_EQ(connection->state(), State::kHead);
  EXPECT_TRUE(connection->waiting());
  Receive(kGet);
  EXPECT_EQ(connection->state(), State::kComplete);
  EXPECT_FALSE(connection->waiting());
  connection->Respond(TextResponse(200, "x"), 3, budget);
  EXPECT_EQ(connection->state(), State::kIdle);
  EXPECT_TRUE(connection->waiting());
  EXPECT_EQ(connection->waiting_since_ms(), 3);
  Receive(kBad, 4);
  connection->Respond(TextResponse(400, "x"), 5, budget);
  EXPECT_EQ(connection->state(), State::kDraining);
  EXPECT_TRUE(connection->waiting());
}

TEST_F(ConnectionTest, TheResponsesDeadlineRunsFromTheHeadAndNotFromTheAnswer) {
  Receive(kGet, 1'000);
  EXPECT_EQ(connection->deadline_ms(), 31'000);
  connection->Respond(Response{200, "", {}, std::make_shared<const std::string>(10'000'000, 'x')},
                      20'000, budget);
  EXPECT_EQ(connection->state(), State::kSending);
  EXPECT_EQ(connection->deadline_ms(), 31'000);
}

TEST_F(ConnectionTest, ReadsNoFurtherThanOneHeadWhileARequestWaits) {
  Receive(std::string(kGet) + "GET /second");
  const std::string more(100'000, 'x');
  ASSERT_GT(write(peer.get(), more.data(), more.size()), 0);
  EXPECT_EQ(connection->wanted_events(), static_cast<std::uint32_t>(EPOLLOUT));
  connection->OnEvents(EPOLLOUT, 0, budget);
  EXPECT_EQ(connection->state(), State::kComplete);
  EXPECT_EQ(connection->request().head.target, "/");
}

TEST_F(ConnectionTest, RaisesNoSigpipeWhenItsClientIsGone) {
  const auto before = std::signal(SIGPIPE, SIG_DFL);
  Receive(kGet);
  peer.Reset();
  connection->Respond(TextResponse(200, "x"), 0, budget);
  EXPECT_EQ(connection->state(), State::kClosed);
  std::signal(SIGPIPE, before);
}

TEST_F(ConnectionTest, ReadsWhatIsLeftWhenBothEndsAreShut) {
  Receive(kBad);
  connection->Respond(TextResponse(400, "x"), 0, budget);
  ASSERT_EQ(write(peer.get(), "more", 4), 4);
  shutdown(peer.get(), SHUT_WR);
  connection->OnEvents(EPOLLIN | EPOLLHUP, 0, budget);
  EXPECT_EQ(connection->state(), State::kClosed);
  char chunk[4096];
  EXPECT_GT(read(peer.get(), chunk, sizeof(chunk)), 0);
  EXPECT_EQ(read(peer.get(), chunk, sizeof(chunk)), 0) << "unread bytes would make it ECONNRESET";
}

TEST_F(ConnectionTest, RetiresAtOnceOnlyIfNothingWasAsked) {
  connection->Retire();
  EXPECT_EQ(connection->state(), State::kClosed);
}

TEST_F(ConnectionTest, FinishesHalfARequestWhenItRetires) {
  Receive("GET / HTTP");
  connection->Retire();
  Receive("/1.1\r\nHost: x\r\n\r\n");
  ASSERT_EQ(connection->state(), State::kComplete);
  connection->Respond(TextResponse(200, "x"), 0, budget);
  EXPECT_EQ(connection->state(), State::kDraining);
}

}  // namespace
}  // namespace pg_hello::http
