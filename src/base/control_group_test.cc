// Goal: the smallest limit of all groups from the process's own up to the root is found, in every layout;
// files that make no sense set no limit. Method: folder trees as the kernel shows them.
#include "base/control_group.h"
#include <gtest/gtest.h>
#include <stdlib.h>
#include <fstream>

namespace autark {
namespace {

namespace fs = std::filesystem;

class F13_ControlGroups : public ::testing::Test {
 protected:
  F13_ControlGroups() {
    std::string name = (fs::temp_directory_path() / "autark-groups-XXXXXX").string();
    root = ::mkdtemp(name.data());
  }
  ~F13_ControlGroups() override {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }
  void put(const std::string& path, const std::string& text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path, std::ios::trunc) << text;
  }
  ControlGroups read(const std::string& self) const { return read_control_groups(root, self); }
  std::string name(const fs::path& file) const { return file.lexically_relative(root); }
  fs::path root;
};

TEST_F(F13_ControlGroups, Version1OwnGroup) {
  put("cpu/svc/cpu.cfs_quota_us", "100000\n");
  put("cpu/svc/cpu.cfs_period_us", "100000\n");
  put("cpu/cpu.cfs_quota_us", "-1\n");
  put("memory/svc/memory.limit_in_bytes", "1000000\n");
  put("memory/svc/memory.usage_in_bytes", "400000\n");
  put("memory/svc/memory.stat",
      "cache 9\ntotal_inactive_file 100000\nhierarchical_memory_limit 9223372036854771712\n");
  put("memory/memory.limit_in_bytes", "9223372036854771712\n");
  const ControlGroups g = read("9:name=systemd:/x\n4:memory:/svc\n2:cpuacct:/\n1:cpu:/svc\n0::/\n");
  EXPECT_EQ(g.processors.count, 1);
  EXPECT_EQ(g.processors.threads(2), 1);
  EXPECT_EQ(name(g.processors.file), "cpu/svc/cpu.cfs_quota_us");
  EXPECT_EQ(g.memory.bytes, 1'000'000);
  EXPECT_EQ(g.memory.free, 700'000);
  EXPECT_EQ(name(g.memory.file), "memory/svc/memory.limit_in_bytes");
}
TEST_F(F13_ControlGroups, ControllersMountedTogetherAndPeriodsOfTheirOwn) {
  put("cpu,cpuacct/a/b/cpu.cfs_quota_us", "75000");
  put("cpu,cpuacct/a/b/cpu.cfs_period_us", "50000");
  EXPECT_EQ(read("3:cpu,cpuacct:/a/b\n").processors.count, 1.5);
  EXPECT_EQ(read("3:cpuacct,cpu:/a/b").processors.threads(8), 2);
}
TEST_F(F13_ControlGroups, GroupsAboveHoldToo) {
  for (const char* layout : {"", "unified/"}) {
    const std::string at = layout;
    put(at + "cpu.max", "max 100000\n");
    put(at + "user/cpu.max", "50000 100000\n");
    put(at + "user/a/cpu.max", "300000 100000\n");
    put(at + "user/a/b/cpu.max", "max 100000\n");
    put(at + "user/memory.max", "5000");
    put(at + "user/memory.current", "4900");
    put(at + "user/a/memory.max", "3000");
    put(at + "user/a/memory.current", "1000");
    put(at + "user/a/b/memory.max", "max");
    const ControlGroups g = read("0::/user/a/b\n");
    EXPECT_EQ(g.processors.count, 0.5);
    EXPECT_EQ(g.processors.threads(4), 1);
    EXPECT_EQ(name(g.processors.file), at + "user/cpu.max");
    EXPECT_EQ(g.memory.bytes, 3000);
    EXPECT_EQ(name(g.memory.file), at + "user/a/memory.max");
    EXPECT_EQ(g.memory.free, 100);  // the group above is nearly full
    EXPECT_EQ(read("0::/user/a").memory.bytes, 3000);
    EXPECT_EQ(read("0::/").memory.bytes, 0);
    EXPECT_EQ(read("0::/").processors.count, 0);
  }
}
TEST_F(F13_ControlGroups, WhatThrottlesIsALimit) {
  put("s/memory.max", "9000");
  put("s/memory.high", "8000");
  EXPECT_EQ(read("0::/s").memory.bytes, 8000);
  EXPECT_EQ(name(read("0::/s").memory.file), "s/memory.high");
}
TEST_F(F13_ControlGroups, VersionsSideBySide) {
  put("unified/s/cpu.max", "400000 100000");
  put("cpu/s/cpu.cfs_quota_us", "200000");
  put("cpu/s/cpu.cfs_period_us", "100000");
  put("unified/s/memory.max", "7000");
  put("memory/s/memory.limit_in_bytes", "8000");
  const ControlGroups g = read("5:memory:/s\n4:cpu:/s\n0::/s\n");
  EXPECT_EQ(g.processors.count, 2);
  EXPECT_EQ(g.memory.bytes, 7000);
}
TEST_F(F13_ControlGroups, LimitsAboveWhatVersion1ShowsAreInItsStatistics) {
  put("memory/s/memory.limit_in_bytes", "9223372036854771712");
  put("memory/s/memory.stat", "rss 1\nhierarchical_memory_limit 6000\n");
  EXPECT_EQ(read("4:memory:/s").memory.bytes, 6000);
  EXPECT_EQ(name(read("4:memory:/s").memory.file), "memory/s/memory.stat");
}
TEST_F(F13_ControlGroups, InAContainerTheMountIsTheGroup) {
  put("cpu.max", "150000 100000");
  put("cpu/cpu.cfs_quota_us", "120000");
  put("cpu/inner/cpu.cfs_quota_us", "70000");
  for (const char* path : {"/docker/0123", "/../../other", "/..", "/docker/0123 (deleted)", "/", ""}) {
    const std::string self = std::string("0::") + path + "\n1:cpu:" + path + "\n";
    EXPECT_EQ(read(self).processors.count, 1.2) << path;
  }
  EXPECT_EQ(read("").processors.count, 1.2);
  EXPECT_EQ(read("1:cpu:/docker/0123/inner").processors.count, 0.7);  // the mount shows only the path's end
}
TEST_F(F13_ControlGroups, NonsenseLimitsNothing) {
  for (const std::string text :
       {"", "\n", "max", "max 100000", "-1", "-100000 100000", "0", "0 100000", "abc", "1e5 100000",
        "99999999999999999999999 100000", "9223372036854775807 100000", "100000 0", "100000 -5", "100000 x",
        "0x10 100000", "1000x"}) {
    put("cpu.max", text);
    EXPECT_EQ(read("0::/").processors.count, 0) << text;
    EXPECT_EQ(read("0::/").processors.threads(3), 3) << text;
  }
  for (const std::string text :
       {"", "max", "-1", "0", "abc", "99999999999999999999999", "9223372036854771712", "12q"}) {
    put("memory.max", text);
    put("memory/memory.limit_in_bytes", text);
    EXPECT_EQ(read("0::/").memory.bytes, 0) << text;
  }
  put("cpu.max", std::string(1 << 20, '9'));
  fs::create_directories(root / "memory.high");
  for (const std::string& self : {std::string(1 << 20, ':'), std::string("0"), std::string("0:"),
                                  std::string("0::"), std::string("::::"), std::string("\n\n0:\n:")}) {
    EXPECT_EQ(read(self).processors.count, 0);
    EXPECT_EQ(read(self).memory.bytes, 0);
  }
  EXPECT_EQ(read_control_groups(root / "absent", "0::/a").processors.count, 0);
}
TEST_F(F13_ControlGroups, ATimeWithoutPeriodIsOfTheKernelsOwn) {
  put("cpu.max", "250000");
  EXPECT_EQ(read("0::/").processors.threads(8), 3);
}
TEST_F(F13_ControlGroups, AtLeastOneThreadAndNoMoreThanThereAre) {
  put("cpu.max", "1 100000");
  EXPECT_EQ(read("0::/").processors.threads(8), 1);
  put("cpu.max", "1600000 100000");
  EXPECT_EQ(read("0::/").processors.threads(8), 8);
  EXPECT_EQ(read("0::/").processors.threads(0), 1);
}
TEST_F(F13_ControlGroups, AnotherRootAndItsSelf) {
  put("self", "0::/svc\n");
  put("svc/cpu.max", "100000 100000");
  put("svc/memory.max", "123456");
  ::setenv("AUTARK_CGROUP_ROOT", root.c_str(), 1);
  const ControlGroups g = control_groups();
  ::unsetenv("AUTARK_CGROUP_ROOT");
  EXPECT_EQ(g.processors.count, 1);
  EXPECT_EQ(g.memory.bytes, 123456);
}

}  // namespace
}  // namespace autark
