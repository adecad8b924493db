#include "store/rollup_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace skyhook::store {
namespace {

using testing::ElementsAre;
using Range = RollupRange;

constexpr std::array<std::int64_t, 2> kLengths{240, 30};

TEST(RollupRanges, AreMinutesForShortSteps) {
  EXPECT_THAT(rollup_ranges(0, 480, 10, 0, kLengths), ElementsAre(Range{0, 480, 1}));
  EXPECT_THAT(rollup_ranges(15, 495, 30, 0, kLengths), ElementsAre(Range{15, 495, 1}));
}

TEST(RollupRanges, AreSpansForStepsOfWholeOnes) {
  EXPECT_THAT(rollup_ranges(30, 480, 30, 0, kLengths), ElementsAre(Range{30, 480, 30}));
  EXPECT_THAT(rollup_ranges(240, 1'680, 720, 0, kLengths), ElementsAre(Range{240, 1'680, 240}));
}

TEST(RollupRanges, AreShorterAtTheEndsOfAStepThatCutsSpans) {
  EXPECT_THAT(rollup_ranges(170, 1'000, 2'000, 0, kLengths),
              ElementsAre(Range{170, 180, 1}, Range{180, 240, 30}, Range{240, 960, 240},
                          Range{960, 990, 30}, Range{990, 1'000, 1}));
}

TEST(RollupRanges, LetNoSpanReachOverTheBorderOfSteps) {
  EXPECT_THAT(
      rollup_ranges(230, 1'190, 480, 0, kLengths),
      ElementsAre(Range{230, 240, 1}, Range{240, 480, 240}, Range{480, 690, 30}, Range{690, 720, 1},
                  Range{720, 960, 240}, Range{960, 1'170, 30}, Range{1'170, 1'190, 1}));
}

TEST(RollupRanges, DoNotUseSpansFromBeforeTheyWereKept) {
  EXPECT_THAT(rollup_ranges(0, 1'440, 720, 960, kLengths),
              ElementsAre(Range{0, 960, 1}, Range{960, 1'440, 240}));
  EXPECT_THAT(rollup_ranges(0, 1'440, 720, 2'400, kLengths), ElementsAre(Range{0, 1'440, 1}));
}

}  // namespace
}  // namespace skyhook::store
