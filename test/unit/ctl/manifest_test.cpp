// A manifest is read as it was written, or not at all.
#include "ctl/manifest.h"

#include <gtest/gtest.h>

#include "ctl/backup_store.h"
#include "ctl/failure.h"
#include "ctl/files.h"
#include "ctl/sha256.h"

namespace pg_hello::ctl {
namespace {

std::string WhyNot(const std::function<void()>& work) {
  try {
    work();
  } catch (const Failure& failure) {
    return failure.finding().message;
  }
  return "";
}

Manifest Sample() {
  ArchivedDatabase database{.name = "a \"b\"", .extension_version = "1.1"};
  database.properties.settings = {{"", "search_path", "x, y"}};
  database.properties.grants = {{"", "CONNECT", false}};
  database.tables = {{"public.t", false, true, 3, "17"}};
  return {.created_at = "2026-11-25T02:30:00Z",
          .server_version_num = 150014,
          .databases = {database},
          .files = {{"f", 3, Sha256("abc")}}};
}

TEST(Sha256Test, IsThatOfTheStandard) {
  // FIPS 180-4's example.
  EXPECT_EQ(Sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ManifestTest, IsReadAsItWasWritten) {
  const std::string text = ManifestAsJson(Sample());
  EXPECT_EQ(ManifestAsJson(ManifestFromJson(text)), text);
  EXPECT_EQ(ManifestFromJson(text).databases[0].tables[0].rows, 3);
}

TEST(ManifestTest, IsRefusedIfItIsSomethingElse) {
  for (const char* const text : {"", "{", "[]", "{}", R"({"format": "tar", "format_version": 1})",
                                 R"({"format": "pg_helloctl backup", "format_version": 1})"}) {
    EXPECT_NE(WhyNot([&] { ManifestFromJson(text); }), "") << text;
  }
}

TEST(ManifestTest, NoticesWhatHasHappenedToItsFiles) {
  const TemporaryDirectory directory;
  WriteFile(directory.path() / "f", "abc");
  WriteManifest(directory.path(), Sample());
  const auto check = [&] { CheckFiles(directory.path(), ReadManifest(directory.path()).files); };
  EXPECT_EQ(WhyNot(check), "");
  WriteFile(directory.path() / "f", "abd");
  EXPECT_EQ(WhyNot(check), "the backup is damaged: f has changed");
  WriteFile(directory.path() / "f", "ab");
  EXPECT_EQ(WhyNot(check), "the backup is damaged: f has 2 bytes instead of 3");
  std::filesystem::remove(directory.path() / "f");
  EXPECT_EQ(WhyNot(check), "the backup is damaged: f is missing");
  WriteFile(directory.path() / "manifest.json", ManifestAsJson({}));
  EXPECT_EQ(WhyNot(check), "the backup is damaged: manifest.json is not as it was written");
}

TEST(BackupStoreTest, FindsTheNewestGoodBackup) {
  const TemporaryDirectory directory;
  const auto add = [&](const char* name, const char* created_at, bool verified) {
    MakeDirectory(directory.path() / name);
    Manifest manifest = Sample();
    manifest.created_at = created_at;
    manifest.verified = verified;
    WriteManifest(directory.path() / name, manifest);
  };
  EXPECT_NE(WhyNot([&] { FindBackup(directory.path()); }), "");
  add("a", "2026-11-25T02:30:00Z", true);
  add("b", "2026-11-26T02:30:00Z", true);
  add("c", "2026-11-27T02:30:00Z", false);
  EXPECT_EQ(FindBackup(directory.path()).filename(), "b");
  EXPECT_EQ(FindBackup(directory.path() / "c").filename(), "c");
}

TEST(BackupStoreTest, KnowsTimes) {
  EXPECT_EQ(UtcText(1795573800), "2026-11-25T02:30:00Z");
  EXPECT_EQ(SecondsOfUtc("2026-11-25T02:30:00Z"), 1795573800);
  EXPECT_EQ(SecondsOfUtc("yesterday"), 0);
}

TEST(BackupStoreTest, RemovesWhatWasAbandonedAndKeepsOthersOut) {
  const TemporaryDirectory directory;
  MakeDirectory(directory.path() / ".incomplete");
  WriteFile(directory.path() / ".incomplete/f", "half");
  const BackupStore store(directory.path());
  EXPECT_FALSE(std::filesystem::exists(directory.path() / ".incomplete"));
  EXPECT_NE(WhyNot([&] { BackupStore second(directory.path()); }).find("another pg_helloctl"),
            std::string::npos);
}

}  // namespace
}  // namespace pg_hello::ctl
