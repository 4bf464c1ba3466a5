// The Unix socket: made, shared with nobody, removed, and never in place of somebody else's file.
#include "http/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "reactor_harness.h"

namespace pg_hello::http {
namespace {

int NewSocket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

class UnixSocketTest : public testing::Test {
 protected:
  UnixSocketTest() {
    char made[] = "/tmp/pg_hello_unix.XXXXXX";
    folder_ = mkdtemp(made);
    path_ = folder_ + "/s";
  }
  ~UnixSocketTest() override { std::filesystem::remove_all(folder_); }

  std::vector<ListenAddress> Wanted(std::uint32_t mode = 0700) const {
    ListenAddress address;
    address.unix_path = path_;
    address.unix_mode = mode;
    return {address};
  }
  ListenerState Listen(Site& site) const {
    site.reactor->Listen(Wanted(), site.now);
    return site.reactor->listeners().at(0);
  }

  // What is answered over the socket.
  std::string Ask(Site& site, const std::string& request) const {
    const Descriptor client(NewSocket());
    const sockaddr_un address = AddressOf(path_);
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      return "not connected";
    }
    EXPECT_EQ(send(client.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string received;
    site.Until({}, [&] {
      char chunk[4096];
      const ssize_t count = recv(client.get(), chunk, sizeof(chunk), MSG_DONTWAIT);
      if (count > 0) received.append(chunk, static_cast<std::size_t>(count));
      return count == 0;
    });
    return received;
  }
  bool Exists(const std::string& suffix = "") const {
    return std::filesystem::exists(std::filesystem::symlink_status(path_ + suffix));
  }
  mode_t Mode() const {
    struct stat status = {};
    EXPECT_EQ(stat(path_.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  std::string folder_;
  std::string path_;
};

constexpr char kGet[] =
    "GET /ok HTTP/1.1\r\nHost: a.proxy.passes.anything\r\nConnection: close\r\n\r\n";

TEST_F(UnixSocketTest, ServesWhoMayOpenItWithoutTokenOrHost) {
  Site site;
  site.reactor->SetAccess({.hosts = {}, .token_file = folder_ + "/none"});
  const ListenerState state = Listen(site);
  EXPECT_EQ(state.error, "");
  EXPECT_EQ(state.bound, "unix:" + path_);
  EXPECT_EQ(state.port, 0);
  EXPECT_EQ(Ask(site, kGet).rfind("HTTP/1.1 200 OK", 0), 0U);
}

TEST_F(UnixSocketTest, HasTheModeThatIsAskedForWhateverTheUmask) {
  const mode_t before = umask(0);
  for (const std::uint32_t mode : {0700U, 0770U, 0777U, 0600U}) {
    for (const mode_t mask : {0U, 077U}) {
      umask(mask);
      Site site;
      site.reactor->Listen(Wanted(mode), site.now);
      EXPECT_EQ(Mode(), mode) << mask;
    }
  }
  umask(before);
}

TEST_F(UnixSocketTest, IsRemovedWithItsLockWhenItIsNoLongerWanted) {
  Site site;
  Listen(site);
  EXPECT_TRUE(Exists());
  EXPECT_TRUE(Exists(".lock"));
  site.reactor->Listen({}, site.now);
  EXPECT_FALSE(Exists());
  EXPECT_FALSE(Exists(".lock"));
  EXPECT_EQ(Listen(site).error, "");
  site.reactor.reset();
  EXPECT_FALSE(Exists());
  EXPECT_FALSE(Exists(".lock"));
}

TEST_F(UnixSocketTest, AnotherServersSocketIsNeverTaken) {
  Site first;
  ASSERT_EQ(Listen(first).error, "");
  Site second;
  const ListenerState state = Listen(second);
  EXPECT_EQ(state.error, "could not bind Unix socket \"" + path_ +
                             "\": Address already in use (its lock file could not be taken)");
  EXPECT_TRUE(state.retried);
  EXPECT_EQ(Ask(first, kGet).rfind("HTTP/1.1 200 OK", 0), 0U);
  first.reactor.reset();
  second.PollAt(second.now + 1'000);
  EXPECT_EQ(second.reactor->listeners().at(0).error, "");
  EXPECT_EQ(Ask(second, kGet).rfind("HTTP/1.1 200 OK", 0), 0U);
}

TEST_F(UnixSocketTest, AStaleSocketIsReplaced) {
  const sockaddr_un address = AddressOf(path_);
  {
    const Descriptor killed(NewSocket());
    ASSERT_EQ(bind(killed.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(killed.get(), 1), 0);
    std::ofstream(path_ + ".lock") << "whoever was killed holds no lock";
  }
  ASSERT_TRUE(Exists());
  Site site;
  EXPECT_EQ(Listen(site).error, "");
  EXPECT_EQ(Ask(site, kGet).rfind("HTTP/1.1 200 OK", 0), 0U);
}

TEST_F(UnixSocketTest, ALivingSocketWithoutALockIsNotReplaced) {
  const sockaddr_un address = AddressOf(path_);
  const Descriptor other(NewSocket());
  ASSERT_EQ(bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(other.get(), 1), 0);
  Site site;
  EXPECT_EQ(Listen(site).error,
            "could not bind Unix socket \"" + path_ + "\": Address already in use");
  EXPECT_TRUE(Exists());
  EXPECT_FALSE(Exists(".lock"));
}

TEST_F(UnixSocketTest, WhatIsNoSocketStays) {
  std::ofstream(path_) << "precious";
  {
    Site site;
    EXPECT_EQ(Listen(site).error, "could not bind Unix socket \"" + path_ +
                                      "\": File exists (what is there is not a socket)");
  }
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
  std::filesystem::remove(path_);
  std::ofstream(folder_ + "/target") << "precious";
  std::filesystem::create_symlink(folder_ + "/target", path_);
  {
    Site site;
    EXPECT_NE(Listen(site).error, "");
  }
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/target"), 8U);
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
}

TEST_F(UnixSocketTest, ALockThatIsALinkIsNotFollowed) {
  std::ofstream(folder_ + "/target") << "precious";
  std::filesystem::create_symlink(folder_ + "/target", path_ + ".lock");
  Site site;
  EXPECT_NE(Listen(site).error, "");
  EXPECT_FALSE(Exists());
}

TEST_F(UnixSocketTest, AFileThatTookItsPlaceIsNotRemoved) {
  Site site;
  Listen(site);
  std::filesystem::remove(path_);
  std::ofstream(path_) << "precious";
  site.reactor.reset();
  EXPECT_TRUE(Exists());
}

TEST_F(UnixSocketTest, APathThatIsTooLongIsAnError) {
  path_ = folder_ + "/" + std::string(200, 'x');
  Site site;
  EXPECT_NE(Listen(site).error.find("File name too long"), std::string::npos);
}

TEST(LocalAddresses, AreThoseThatOnlyThisMachineReaches) {
  for (const char* host : {"localhost", "127.0.0.1", "127.8.9.1", "::1"}) {
    EXPECT_TRUE(IsLocal({.host = host})) << host;
  }
  for (const char* host : {"*", "0.0.0.0", "::", "192.0.2.1", "128.0.0.1", "fe80::1", "example.org",
                           "::ffff:127.0.0.1"}) {
    EXPECT_FALSE(IsLocal({.host = host})) << host;
  }
  EXPECT_TRUE(IsLocal({.host = "", .unix_path = "/s"}));
}

}  // namespace
}  // namespace pg_hello::http
