// What libpq is told, in which order.
#include "ctl/conninfo.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

std::vector<std::string> DatabaseValues(const Parameters& parameters) {
  std::vector<std::string> values;
  for (const auto& [keyword, value] : parameters) {
    if (keyword == "dbname") values.push_back(value);
  }
  return values;
}

TEST(ConninfoTest, LeavesToLibpqWhatIsNotSaid) {
  const Parameters expected = {{"fallback_application_name", "pg_helloctl"},
                               {"client_encoding", "UTF8"}};
  EXPECT_EQ(MakeParameters({}, std::nullopt), expected);
}

TEST(ConninfoTest, HandsOverWhatIsSaid) {
  const Parameters parameters = MakeParameters({"h", "1", "u", "d"}, std::nullopt);
  const Parameters expected = {{"host", "h"}, {"port", "1"}, {"user", "u"}, {"dbname", "d"}};
  EXPECT_EQ(Parameters(parameters.begin(), parameters.begin() + 4), expected);
}

TEST(ConninfoTest, NamesAnotherDatabaseAfterAConnectionString) {
  // Only the first is expanded.
  EXPECT_EQ(DatabaseValues(MakeParameters({"", "", "", "postgresql://x/y"}, "host=evil")),
            (std::vector<std::string>{"postgresql://x/y", "host=evil"}));
}

TEST(ConninfoTest, NeverTakesADatabasesNameForAConnectionString) {
  EXPECT_EQ(DatabaseValues(MakeParameters({}, R"(host=a b'c\d)")),
            std::vector<std::string>{R"(dbname='host=a b\'c\\d')"});
}

}  // namespace
}  // namespace pg_hello::ctl
