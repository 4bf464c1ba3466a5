// Any head that is accepted (an input without a line feed is only a target), routed: the route is
// the one that a comparison of segments finds, and its parameters are the segments.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fuzz.h"
#include "pg_hello/http/request_head.h"
#include "pg_hello/http/router.h"
#include "pg_hello/http/target.h"

namespace pg_hello::http {
namespace {

using Segments = std::vector<std::string>;

struct Route {
  std::string path;
  Segments segments;  // empty ones stand for a parameter, but for the root's
  int status;
};

const std::array kRoutes = {
    Route{"/", {""}, 200},
    Route{"/metrics", {"metrics"}, 200},
    Route{"/a.b+c", {"a.b+c"}, 200},
    Route{"/throws", {"throws"}, 500},
    Route{"/api/v1/functions", {"api", "v1", "functions"}, 200},
    Route{"/api/v1/functions/{datname}/{funcid}", {"api", "v1", "functions", "", ""}, 200},
    Route{"/{any}/edge", {"", "edge"}, 200},
};

bool Matches(const Route& route, const Segments& segments) {
  if (route.path == "/") {
    return segments == route.segments;
  }
  return std::equal(route.segments.begin(), route.segments.end(), segments.begin(), segments.end(),
                    [](const std::string& ours, const std::string& theirs) {
                      return ours.empty() ? !theirs.empty() : ours == theirs;
                    });
}

Segments Parameters(const Route& route, const Segments& segments) {
  Segments parameters;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (route.path != "/" && route.segments[i].empty()) {
      parameters.push_back(segments[i]);
    }
  }
  return parameters;
}

class Routed {
 public:
  Routed() {
    for (const Route& route : kRoutes) {
      router_.Handle(route.path, [this, &route](const Request& request) {
        seen_ = request;
        ++answers_;
        if (route.status != 200) {
          throw std::runtime_error("on purpose");
        }
        return TextResponse(200, route.path);
      });
    }
  }

  void Check(const RequestHead& head) {
    answers_ = 0;
    const std::string* path = nullptr;
    const Answer answer = router_.Route(head, Caller::kTrusted, &path);
    const Response& response = std::get<Response>(answer);

    const Target target = DecodeTarget(head.target);
    const auto expected =
        std::find_if(kRoutes.begin(), kRoutes.end(),
                     [&target](const Route& route) { return Matches(route, target.segments); });
    if (expected == kRoutes.end()) {
      FUZZ_PROMISE(response.status == 404 && path == nullptr && answers_ == 0);
      return;
    }
    FUZZ_PROMISE(answers_ == 1 && path != nullptr && *path == expected->path);
    FUZZ_PROMISE(response.status == expected->status);
    FUZZ_PROMISE(response.status != 200 || *response.body == expected->path);
    FUZZ_PROMISE(response.body->find("on purpose") == std::string::npos);
    FUZZ_PROMISE(seen_.path_params == Parameters(*expected, target.segments));
    FUZZ_PROMISE(seen_.params == target.params);
    FUZZ_PROMISE(seen_.accept == head.accept && seen_.accept_encoding == head.accept_encoding);
  }

 private:
  Router router_;
  Request seen_;
  int answers_ = 0;
};

}  // namespace
}  // namespace pg_hello::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pg_hello::http;  // NOLINT(google-build-using-namespace)
  static Routed routed;
  std::string text(pg_hello::fuzz::TextOf(data, size));
  if (text.find('\n') == std::string::npos) {
    text = "GET " + text + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  const HeadResult result = ParseHead(text);
  if (result.status == 0) {
    routed.Check(result.head);
  }
  return 0;
}
