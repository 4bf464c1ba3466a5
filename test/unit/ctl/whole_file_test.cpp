// A file is there as a whole or not at all.
#include "ctl/whole_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace pg_hello::ctl {
namespace {

class WholeFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "whole_file_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::size_t Files() const {
    const std::filesystem::directory_iterator files(directory_);
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }

  std::string directory_;
};

TEST_F(WholeFileTest, ReplacesWhatWasThere) {
  const std::string path = directory_ + "/a b";
  EXPECT_EQ(WriteWholeFile(path, "first, and longer"), "");
  EXPECT_EQ(WriteWholeFile(path, "second", 0600), "");
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "second");
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600);
  EXPECT_EQ(Files(), 1);
}

TEST_F(WholeFileTest, LeavesNothingBehind) {
  EXPECT_EQ(WriteWholeFile(directory_ + "/no/such", "x"), "No such file or directory");
  std::filesystem::create_directories(directory_ + "/taken/x");
  EXPECT_NE(WriteWholeFile(directory_ + "/taken", "x"), "");
  EXPECT_EQ(Files(), 1);
}

}  // namespace
}  // namespace pg_hello::ctl
