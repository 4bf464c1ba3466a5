// What is shared, and what never is.
#include "pg_hello/endpoints/rounds.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pg_hello::endpoints {
namespace {

using JobPointer = std::shared_ptr<http::Job>;

class RoundsTest : public testing::Test {
 protected:
  // A body of three pieces that tells which snapshot it is of.
  Representation Wanted(const std::string& key,
                        http::ContentCoding coding = http::ContentCoding::kIdentity) {
    Representation wanted;
    wanted.key = key;
    wanted.coding = coding;
    wanted.content_type = "a/b";
    wanted.render = [this, key](std::shared_ptr<const snapshot::Snapshot> snapshot) {
      ++renderings;
      return [snapshot = std::move(snapshot), key, steps = 0](std::string& body) mutable {
        if (++steps < 3) return false;
        body = key + std::to_string(snapshot->taken_at_us);
        return true;
      };
    };
    return wanted;
  }

  JobPointer Join(const std::string& key) {
    http::Answer answer = rounds.Join(Wanted(key));
    const JobPointer* job = std::get_if<JobPointer>(&answer);
    return job == nullptr ? nullptr : *job;
  }

  static http::Response Finish(http::Job& job) {
    while (!job.Step()) {
    }
    return job.TakeResponse();
  }
  static std::string BodyOf(const JobPointer& job) { return *Finish(*job).body; }

  int snapshots = 0;
  int renderings = 0;
  bool fail = false;
  std::vector<const snapshot::Snapshot*> places;  // where they were taken
  std::vector<snapshot::Detail> details;
  Rounds rounds{[this](snapshot::Snapshot& snapshot, snapshot::Detail detail) {
    if (fail) throw std::runtime_error("x");
    places.push_back(&snapshot);
    snapshot.taken_at_us = ++snapshots;
    details.push_back(detail);
  }};
};

TEST_F(RoundsTest, AllWhoWaitForTheSameShareOneRendering) {
  const JobPointer job = Join("m");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Join("m"), job);
  EXPECT_EQ(snapshots, 0) << "nothing is done before its turn";
  EXPECT_EQ(BodyOf(job), "m1");
  EXPECT_EQ(renderings, 1);
}

TEST_F(RoundsTest, ARequestIsNeverAnsweredWithAPictureOfBeforeIt) {
  JobPointer job = Join("m");
  EXPECT_FALSE(job->Step());
  EXPECT_EQ(snapshots, 1);
  const JobPointer late = Join("m");
  EXPECT_NE(late, job);
  EXPECT_FALSE(job->Step());
  EXPECT_EQ(Join("m"), late) << "all who came since share the next one";
  EXPECT_EQ(BodyOf(job), "m1");
  EXPECT_EQ(Join("m"), late);
  EXPECT_EQ(BodyOf(late), "m2");
  EXPECT_NE(Join("m"), late);
}

TEST_F(RoundsTest, ARoundHasOnePictureForAllRepresentations) {
  const JobPointer m = Join("m");
  const JobPointer n = Join("n");
  http::Answer answer = rounds.Join(Wanted("m", http::ContentCoding::kGzip));
  const JobPointer packed = std::get<JobPointer>(answer);
  EXPECT_NE(m, n);
  EXPECT_NE(m, packed);
  EXPECT_EQ(BodyOf(m), "m1");
  EXPECT_NE(Join("n"), n) << "its picture is taken";
  EXPECT_EQ(BodyOf(n), "n1");
  const http::Response response = Finish(*packed);
  EXPECT_TRUE(response.body->starts_with("\x1f\x8b"));
  EXPECT_EQ(response.headers.back(),
            (std::pair<std::string, std::string>("Content-Encoding", "gzip")));
  EXPECT_EQ(snapshots, 1);
}

TEST_F(RoundsTest, ARoundTakesWhatTheMostDemandingNeeds) {
  using enum snapshot::Detail;
  Representation modest = Wanted("modest");
  modest.detail = kWithoutBuckets;
  const JobPointer alone = std::get<JobPointer>(rounds.Join(modest));
  BodyOf(alone);
  const JobPointer together = std::get<JobPointer>(rounds.Join(modest));
  const JobPointer demanding = Join("demanding");
  BodyOf(together);
  BodyOf(demanding);
  EXPECT_EQ(details, (std::vector{kWithoutBuckets, kEverything}));
}

TEST_F(RoundsTest, ABodyLeavesItsMemoryForTheNextOneWhenNobodyIsSentItAnyMore) {
  Representation wanted = Wanted("m");
  std::vector<std::string> seen;
  std::vector<const char*> places;
  wanted.render = [&](const std::shared_ptr<const snapshot::Snapshot>& snapshot) {
    return [&, text = std::string(1000, static_cast<char>('a' + snapshot->taken_at_us))](
               std::string& body) {
      seen.push_back(body);
      body.append(text);
      places.push_back(body.data());
      return true;
    };
  };
  const auto scrape = [&] { return Finish(*std::get<JobPointer>(rounds.Join(wanted))); };
  const http::Response first = scrape();
  const std::string sent = *first.body;
  { const http::Response second = scrape(); }
  const http::Response third = scrape();
  EXPECT_EQ(*first.body, sent) << "it is still being sent";
  EXPECT_NE(places[0], places[1]);
  EXPECT_EQ(places[1], places[2]);
  EXPECT_EQ(*third.body, std::string(1000, 'd'));
  EXPECT_EQ(seen, std::vector<std::string>(3)) << "nothing of another one is left in it";
}

TEST_F(RoundsTest, ASnapshotIsTakenIntoTheLastOneUnlessThatIsStillRead) {
  EXPECT_EQ(BodyOf(Join("m")), "m1");
  JobPointer reading = Join("m");
  EXPECT_FALSE(reading->Step());
  EXPECT_EQ(places[1], places[0]);
  EXPECT_EQ(BodyOf(Join("n")), "n3");
  EXPECT_NE(places[2], places[1]);
  EXPECT_EQ(BodyOf(reading), "m2");
  EXPECT_EQ(BodyOf(Join("n")), "n4");
  EXPECT_EQ(places[3], places[2]);
}

TEST_F(RoundsTest, AJobWaitsForRoomUntilABodyHasGone) {
  std::vector<http::Response> sent;
  for (std::size_t i = 0; i < Rounds::kMaxBodies; ++i) {
    sent.push_back(Finish(*Join(std::to_string(i))));
  }
  const JobPointer a = Join("a");
  const JobPointer b = Join("b");
  EXPECT_FALSE(a->WantsRoom()) << "its picture needs none";
  a->Step();
  EXPECT_TRUE(a->WantsRoom());
  EXPECT_TRUE(b->WantsRoom());
  sent.pop_back();
  EXPECT_FALSE(a->WantsRoom());
  sent.push_back(Finish(*a));
  EXPECT_TRUE(b->WantsRoom());
}

TEST_F(RoundsTest, WhatHasBegunMayEnd) {
  const JobPointer a = Join("a");
  a->Step();
  a->Step();
  std::vector<http::Response> sent;
  for (std::size_t i = 0; i < Rounds::kMaxBodies; ++i) {
    sent.push_back(Finish(*Join(std::to_string(i))));
  }
  EXPECT_FALSE(a->WantsRoom());
  EXPECT_EQ(BodyOf(a).front(), 'a');
}

TEST_F(RoundsTest, JobsAreBounded) {
  std::vector<JobPointer> jobs;
  for (std::size_t i = 0; i < Rounds::kMaxJobs; ++i) jobs.push_back(Join(std::to_string(i)));
  EXPECT_EQ(Join("more"), nullptr);
  EXPECT_EQ(Join("3"), jobs[3]) << "what is there may be shared";
  const auto refusal = std::get<http::Response>(rounds.Join(Wanted("more")));
  EXPECT_EQ(refusal.status, 503);
  EXPECT_EQ(refusal.headers.front(), (std::pair<std::string, std::string>("Retry-After", "1")));
  jobs.pop_back();
  EXPECT_NE(Join("more"), nullptr);
  EXPECT_EQ(snapshots, 0);
}

TEST_F(RoundsTest, AFailedPictureCostsOneJobAndNotTheNext) {
  const JobPointer m = Join("m");
  JobPointer n = Join("n");
  fail = true;
  EXPECT_THROW(m->Step(), std::runtime_error);
  fail = false;
  EXPECT_EQ(BodyOf(n), "n1");
}

TEST(RoundsLifetime, AJobMayOutliveThem) {
  auto rounds = std::make_unique<Rounds>([](snapshot::Snapshot&, snapshot::Detail) {});
  Representation wanted;
  wanted.render = [](const std::shared_ptr<const snapshot::Snapshot>&) {
    return [](std::string& body) {
      body = "x";
      return true;
    };
  };
  const JobPointer job = std::get<JobPointer>(rounds->Join(wanted));
  rounds.reset();
  while (!job->Step()) {
  }
  EXPECT_EQ(*job->TakeResponse().body, "x");
}

}  // namespace
}  // namespace pg_hello::endpoints
