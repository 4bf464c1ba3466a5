// A bundle as an archive, by libarchive.
#include <archive.h>
#include <archive_entry.h>

#include <ctime>
#include <memory>

#include "ctl/bundle.h"

namespace pg_hello::ctl {
namespace {

la_ssize_t Append(struct archive*, void* packed, const void* bytes, std::size_t size) {
  static_cast<std::string*>(packed)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

std::string Pack(const BundleFiles& files, const std::string& directory) {
  std::string packed;
  const std::unique_ptr<archive, decltype(&archive_write_free)> writer(archive_write_new(),
                                                                       &archive_write_free);
  if (!writer) return "";
  bool good = archive_write_add_filter_gzip(writer.get()) == ARCHIVE_OK &&
              archive_write_set_format_pax_restricted(writer.get()) == ARCHIVE_OK &&
              archive_write_open(writer.get(), &packed, nullptr, &Append, nullptr) == ARCHIVE_OK;
  for (const auto& [name, content] : files) {
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(),
                                                                              &archive_entry_free);
    if (!good || !entry) return "";
    archive_entry_set_pathname(entry.get(), (directory + "/" + name).c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0600);
    archive_entry_set_mtime(entry.get(), std::time(nullptr), 0);
    good = archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK &&
           archive_write_data(writer.get(), content.data(), content.size()) ==
               static_cast<la_ssize_t>(content.size());
  }
  return good && archive_write_close(writer.get()) == ARCHIVE_OK ? packed : "";
}

}  // namespace pg_hello::ctl
