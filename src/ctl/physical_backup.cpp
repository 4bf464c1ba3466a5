#include "ctl/physical_backup.h"

#include "ctl/files.h"
#include "ctl/questions.h"

namespace pg_hello::ctl {

void CopyCluster(const Workplace& at, const std::filesystem::path& backup) {
  const Rows spaces = MustAsk(at.server, "base_backup",
                              "SELECT count(*) FROM pg_tablespace WHERE spcname !~ '^pg_'");
  if (spaces.at(0)[0] != "0") {
    throw Failure("base_backup",
                  "the server has tablespaces outside of its data directory, whose places a copy "
                  "would share",
                  "use pg_basebackup with --tablespace-mapping, or Barman");
  }
  const std::filesystem::path base = backup / "base";
  const std::string total =
      MustAsk(at.server, "base_backup",
              "SELECT pg_size_pretty(sum(pg_database_size(oid))) FROM pg_database")
          .at(0)[0]
          .value_or("");
  at.progress.Step("copying the cluster, about " + total);
  MustRun("base_backup",
          at.tools.Connected("pg_basebackup", at.server.ForPrograms("replication"),
                             {"--pgdata=" + base.string(), "--format=plain", "--wal-method=stream",
                              "--checkpoint=fast", "--manifest-checksums=SHA256", "--no-sync"}),
          [&] { at.progress.Tick(PrettySize(SizeOfTree(base)) + " of about " + total); });
  at.progress.Step("checking the copy");
  MustRun("base_backup", at.tools.Plain("pg_verifybackup", {"--quiet", base.string()}));
}

}  // namespace pg_hello::ctl
