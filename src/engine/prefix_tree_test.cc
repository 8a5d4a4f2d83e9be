// Goal: the tree finds exactly what is stored, and says why not more; what jobs hold stays, what is idle goes in
// the order of its value; no page is lost or freed twice; a domain sees itself only. Method: random jobs that
// hold, extend and release are compared with a slow model that scans lists of tokens; plus examples for each
// rule.
#include "engine/prefix_tree.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace autark::engine {
namespace {

using Tokens = std::vector<int32_t>;

PrefixHints in(std::string domain, int64_t public_tokens = 0) {
  return {.domain = std::move(domain), .public_tokens = public_tokens};
}

// A tree whose owner keeps one entry per page, as prefix_store.h does.
class Owner {
 public:
  explicit Owner(const PrefixTree::Options& o) : tree(o) {}

  PrefixTree::Match find(const Tokens& t, const PrefixHints& hints = {}) const {
    return tree.find({hints, t}, (std::ssize(t) - 1) / tree.options().block);
  }
  // One whole life of a job: reads what is there, stores all its full blocks, and is gone.
  PrefixReuse job(const Tokens& t, const PrefixHints& hints = {}, std::vector<int64_t> copies = {}) {
    const auto m = find(t, hints);
    tree.hold(m.node, hints);
    PrefixTree::Node* held = m.node;
    if (tree.options().anywhere) copies = {std::ssize(t) / tree.options().block};
    for (int64_t blocks : copies) {
      if (blocks > (held ? held->depth : 0)) held = extend(held, t, hints, blocks);
    }
    tree.add_tail(held, std::span(t).subspan((held ? held->depth : 0) * tree.options().block));
    tree.release(held);
    free_losses();
    check();
    return m.reuse;
  }
  PrefixTree::Node* extend(PrefixTree::Node* held, const Tokens& t, const PrefixHints& hints,
                           int64_t blocks) {
    const auto added = tree.extend(held, {hints, t}, blocks);
    free_losses();
    for (const auto& a : added) {
      EXPECT_EQ(pages.contains(a.node->id), !a.fresh);
      pages.insert(a.node->id);
    }
    if (!tree.options().anywhere) {
      tree.make_room_for_copy();
      free_losses();
      tree.mark(added.back().node, 1, false);
      copies.insert(added.back().node->id);
    }
    check();
    return added.back().node;
  }
  void free_losses() {
    const auto losses = tree.take_losses();
    for (uint64_t id : losses.copies) EXPECT_EQ(copies.erase(id), 1u) << "a copy is freed twice";
    for (uint64_t id : losses.pages) EXPECT_EQ(pages.erase(id), 1u) << "a page is freed twice";
  }
  void check() const {
    EXPECT_EQ(std::ssize(pages), tree.pages());
    EXPECT_EQ(std::ssize(copies), tree.copies());
  }

  PrefixTree tree;
  std::set<uint64_t> pages, copies;
};

Tokens counted(int from, int n) {
  Tokens t(n);
  for (int i = 0; i < n; ++i) t[i] = from + i;
  return t;
}
Tokens operator+(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void expect(const PrefixReuse& r, int64_t read, int64_t possible, Why why, std::optional<int64_t> at = {}) {
  EXPECT_EQ(r.read, read);
  EXPECT_EQ(r.possible, possible);
  EXPECT_EQ(r.why, why) << name_of(r.why);
  EXPECT_EQ(r.at, at);
  EXPECT_EQ(r.tier, read > 0 ? Tier::memory : Tier::none);
}

TEST(PrefixTree, SaysWhereAPromptLeavesTheNearestEntry) {
  Owner o({.block = 4});
  const Tokens a = counted(10, 10);
  expect(o.job(a), 0, 8, Why::never_stored, 0);
  expect(o.job(a), 8, 8, Why::complete);
  expect(o.job(counted(10, 8)), 4, 4, Why::complete);               // the last token is always computed
  expect(o.job(a + counted(90, 7)), 8, 16, Why::never_stored, 10);  // the entry ends
  Tokens edited = a + counted(90, 7);
  edited[13] = 1;
  expect(o.find(edited).reuse, 12, 16, Why::differs, 13);
  edited[6] = 1;
  expect(o.find(edited).reuse, 4, 16, Why::differs, 6);
  edited[0] = 1;
  expect(o.find(edited).reuse, 0, 16, Why::differs, 0);
  expect(o.find({5}).reuse, 0, 0, Why::complete);
}

// Texts that part inside their last block: each is an entry, not only the last one.
TEST(PrefixTree, SeveralTextsMayFollowABlock) {
  Owner o({.block = 4});
  const Tokens a = counted(10, 4);
  const auto text = [&](int i) { return a + counted(100 * i, 3) + Tokens{7, 7}; };
  for (int i = 1; i <= PrefixTree::kTailsMax; ++i) o.job(a + counted(100 * i, 3));
  for (int i = 1; i <= PrefixTree::kTailsMax; ++i) {
    Tokens edited = text(i);
    edited[6] = 1;
    expect(o.find(edited).reuse, 4, 8, Why::differs, 6);
  }
  o.job(a + counted(900, 3));
  Tokens edited = text(1);
  edited[6] = 1;
  expect(o.find(edited).reuse, 4, 8, Why::differs, 4);  // the oldest was forgotten
  o.job(a + counted(900, 3) + Tokens{5});               // continues one, and takes its place
  edited = text(2);
  edited[6] = 1;
  expect(o.find(edited).reuse, 4, 8, Why::differs, 6);
}

TEST(PrefixTree, ShowsTheTokensOfBothSidesIfAskedTo) {
  Owner o({.block = 4});
  const Tokens a = counted(10, 20);
  o.job(a, in("x"));
  Tokens b = a;
  b[6] = 1;
  PrefixHints hints = in("x");
  EXPECT_TRUE(o.find(b, hints).reuse.own.empty());
  hints.diagnostics = true;
  const auto reuse = o.find(b, hints).reuse;
  expect(reuse, 4, 16, Why::differs, 6);
  EXPECT_EQ(reuse.own, Tokens(b.begin() + 6, b.end()));
  EXPECT_EQ(reuse.other, Tokens(a.begin() + 6, a.end())) << "also of the blocks behind";
  hints.domain = "y";
  EXPECT_TRUE(o.find(b, hints).reuse.other.empty());
  hints = in("y", 8);  // the blocks that everybody may share, and no others
  o.job(a, in("x", 8));
  hints.diagnostics = true;
  EXPECT_EQ(o.find(b, hints).reuse.other, (Tokens{16, 17}));
}

TEST(PrefixTree, IdleNodesKeepTheirLimit) {
  Owner o({.block = 4, .idle_max = 3});
  for (int i = 0; i < 5; ++i) {
    o.job(counted(100 * i, 10));
    EXPECT_LE(o.tree.idle(), 3);
  }
  EXPECT_EQ(o.find(counted(400, 10)).blocks, 2) << "the newest stays";
}

TEST(PrefixTree, CopiesDecideWhereAModelWithRingsCanStart) {
  Owner o({.block = 4, .anywhere = false});
  const Tokens a = counted(10, 14);
  o.job(a, {}, {1, 3});
  expect(o.find(a).reuse, 12, 12, Why::complete);
  Tokens b = a;
  b[9] = 1;
  expect(o.job(b, {}, {2, 3}), 4, 12, Why::differs, 9);  // plants a copy where they part
  b[9] = 2;
  expect(o.find(b).reuse, 8, 12, Why::differs, 9);
  EXPECT_EQ(o.tree.pages(), 4);
}

TEST(PrefixTree, EvictsTheLeastRecentlyUsedLeafAndRemembersIt) {
  Owner o({.block = 2});
  const Tokens a = counted(10, 5), b = counted(20, 5), c = a + counted(30, 2);
  o.job(a), o.job(b), o.job(c);
  EXPECT_EQ(o.tree.idle(), 5);
  ASSERT_TRUE(o.tree.evict());
  o.free_losses();
  expect(o.find(b).reuse, 2, 4, Why::evicted, 2);
  ASSERT_TRUE(o.tree.evict());
  expect(o.find(b).reuse, 0, 4, Why::evicted, 0);
  ASSERT_TRUE(o.tree.evict());
  expect(o.find(c).reuse, 4, 6, Why::evicted, 4);
  expect(o.job(b), 0, 4, Why::evicted, 0);
  expect(o.find(b).reuse, 4, 4, Why::complete);
  while (o.tree.evict()) {
  }
  o.free_losses();
  EXPECT_EQ(o.tree.pages() + o.tree.idle(), 0);
}

TEST(PrefixTree, HintsRaiseTheValueAndTellWhatExpired) {
  Owner o({.block = 2});
  PrefixHints kept = in("");
  kept.arrived = 100, kept.keep_until = 200;
  o.job(counted(10, 3), kept);
  o.job(counted(20, 3)), o.job(counted(30, 3));
  ASSERT_TRUE(o.tree.evict());
  o.free_losses();
  expect(o.find(counted(20, 3)).reuse, 0, 2, Why::evicted, 0);
  ASSERT_TRUE(o.tree.evict());
  o.free_losses();
  expect(o.find(counted(10, 3)).reuse, 2, 2, Why::complete);
  kept.arrived = 300;
  kept.keep_until = 0;
  o.job(counted(40, 3), kept);
  for (int i = 0; i < 8; ++i) o.job(counted(50 + 10 * i, 3)), o.tree.evict(), o.free_losses();
  expect(o.find(counted(10, 3)).reuse, 0, 2, Why::expired, 0);
}

TEST(PrefixTree, EndsOutliveMiddles) {
  Owner o({.block = 1, .anywhere = false, .copies_max = 3});
  const Tokens a = counted(10, 9);
  PrefixTree::Node* held = nullptr;
  for (int64_t at : {4, 8}) {
    held = o.extend(held, a, {}, at);
    o.tree.mark(held, at == 8 ? 4 : 1, at == 8);
  }
  o.tree.release(held);
  const Tokens b = counted(50, 9);
  o.job(b, {}, {4, 8});
  expect(o.find(a).reuse, 8, 8, Why::complete);
  EXPECT_EQ(o.find({a.begin(), a.begin() + 5}).reuse.why, Why::evicted);
  EXPECT_EQ(o.tree.copies(), 3);
}

TEST(PrefixTree, WhatNobodyUsesIsDroppedAtOnceIfNothingIsKept) {
  Owner o({.block = 2, .keeps_idle = false});
  const Tokens a = counted(10, 7);
  const auto held = o.extend(nullptr, a, {}, 3);
  expect(o.find(a).reuse, 6, 6, Why::complete);
  o.tree.release(held);
  o.free_losses();
  EXPECT_EQ(o.tree.pages(), 0);
  EXPECT_EQ(o.find(a).reuse.why, Why::never_stored);
}

TEST(PrefixTree, ADomainSeesItselfOnly) {
  Owner o({.block = 2});
  const Tokens a = counted(10, 9);
  o.job(a, in("alice"));
  for (const auto& other : {in("bob"), in(""), in("alice2")}) {
    const auto m = o.find(a, other);
    expect(m.reuse, 0, 8, Why::never_stored, 0);
    EXPECT_EQ(m.visited, 0);
  }
  while (o.tree.evict()) {
  }
  o.free_losses();
  expect(o.find(a, in("alice")).reuse, 0, 8, Why::evicted, 0);
  expect(o.find(a, in("bob")).reuse, 0, 8, Why::never_stored, 0);
  o.tree.clear();
  EXPECT_EQ(o.tree.lost() + o.tree.domains(), 0);
}

TEST(PrefixTree, APublicBeginningIsForAll) {
  Owner o({.block = 2});
  const Tokens text = counted(10, 5), mine = text + counted(50, 6);
  o.job(mine, in("alice", 5));
  expect(o.find(mine, in("bob", 5)).reuse, 4, 10, Why::never_stored, 4);
  expect(o.find(mine, in("bob")).reuse, 0, 10, Why::never_stored, 0);
  expect(o.job(text + counted(70, 6), in("bob", 5)), 4, 10, Why::never_stored, 4);
  expect(o.find(mine, in("alice", 5)).reuse, 10, 10, Why::complete);
  EXPECT_EQ(o.tree.pages(), 2 + 3 + 3);
}

TEST(PrefixTree, LostNodesAndDomainsAreBounded) {
  Owner o({.block = 1, .lost_max = 5, .domains_max = 3});
  for (int i = 0; i < 40; ++i) {
    o.job(counted(10 * i, 8), in("d" + std::to_string(i % 9)));
    while (o.tree.evict()) {
    }
    o.free_losses();
    EXPECT_LE(o.tree.lost(), 3 * 5);
    EXPECT_LE(o.tree.domains(), 3);
  }
}

TEST(PrefixTree, LongPathsNeedNoStack) {
  PrefixTree tree(PrefixTree::Options{.block = 1});
  const Tokens a = counted(0, 300000);
  const auto added = tree.extend(nullptr, {PrefixHints{}, a}, std::ssize(a));
  EXPECT_EQ(tree.pages(), std::ssize(a));
  tree.release(added.back().node);
}

// What the slow model knows of a block that is stored: the tokens of the path to it.
struct Entry {
  int uses = 0;
  bool copy = false;
};

// Random jobs of few tokens, so that they meet.
class Lives {
 public:
  Lives(uint32_t seed, bool anywhere)
      : gen_(seed),
        block_(pick(1, 3)),
        owner_({.block = block_,
                .anywhere = anywhere,
                .copies_max = pick(1, 12),
                .lost_max = pick(0, 20),
                .domains_max = pick(1, 5)}) {}
  void step() {
    switch (pick(0, 6)) {
      case 0:
      case 1:
        return start();
      case 2:
      case 3:
        return extend();
      case 4:
        return release();
      case 5:
        return evict();
      default:
        return check();
    }
  }
  void end() {
    while (!jobs_.empty()) release();
    while (owner_.tree.evict()) {
    }
    owner_.free_losses();
    EXPECT_EQ(owner_.tree.pages() + owner_.tree.idle() + owner_.tree.copies(), 0);
    EXPECT_TRUE(owner_.pages.empty() && owner_.copies.empty());
  }
  int64_t read = 0, evicted = 0;

 private:
  struct Job {
    PrefixHints hints;
    Tokens tokens;
    PrefixTree::Node* held;
  };
  // Domain and number of its public blocks, or "public"; tokens from the root.
  using Path = std::pair<std::string, Tokens>;
  int pick(int from, int to) { return std::uniform_int_distribution(from, to)(gen_); }

  Path path(const Job& j, int64_t blocks) const {
    const int64_t n = blocks * block_;
    const auto own = j.hints.domain + "/" + std::to_string(j.hints.public_tokens / block_);
    return {n <= j.hints.public_tokens ? "public" : own, {j.tokens.begin(), j.tokens.begin() + n}};
  }
  void refresh() {  // forgets what the tree has lost
    owner_.free_losses();
    owner_.check();
    std::erase_if(stored_, [&](const auto& s) { return !owner_.pages.contains(s.first); });
  }
  bool real(const Path& p) const {
    return std::ranges::any_of(stored_, [&](const auto& s) { return s.second == p; });
  }
  bool state(const Path& p) const {
    return std::ranges::any_of(stored_, [&](const auto& s) {
      return s.second == p && (owner_.tree.options().anywhere || owner_.copies.contains(s.first));
    });
  }
  Job random_job() {
    const char* kDomains[] = {"a", "b", ""};
    Job j{in(kDomains[pick(0, 2)]), Tokens(pick(1, 14)), nullptr};
    for (int32_t& t : j.tokens) t = pick(0, 6) ? 0 : pick(0, 1);
    if (pick(0, 2) == 0) j.hints.public_tokens = pick(0, 5);
    return j;
  }
  void start() {
    if (jobs_.size() > 5) return;
    Job j = random_job();
    const auto m = owner_.find(j.tokens, j.hints);
    int64_t want = 0, known = 0;
    for (int64_t b = 1; b * block_ < std::ssize(j.tokens) && real(path(j, b)); ++b) {
      known = b;
      if (state(path(j, b))) want = b;
    }
    ASSERT_EQ(m.blocks, want);
    ASSERT_EQ(m.known, known);
    ASSERT_EQ(m.reuse.read, want * block_);
    ASSERT_EQ(m.reuse.why == Why::complete, m.reuse.read == m.reuse.possible);
    ASSERT_EQ(m.reuse.at.has_value(), m.reuse.why != Why::complete);
    read += want;
    owner_.tree.hold(m.node, j.hints);
    j.held = m.node;
    jobs_.push_back(std::move(j));
  }
  void extend() {
    if (jobs_.empty()) return;
    Job& j = jobs_[pick(0, int(jobs_.size()) - 1)];
    const int64_t from = j.held ? j.held->depth : 0, most = std::ssize(j.tokens) / block_;
    if (from >= most) return;
    refresh();
    j.held = owner_.extend(j.held, j.tokens, j.hints, pick(int(from) + 1, int(most)));
    for (const PrefixTree::Node* n = j.held; n->parent; n = n->parent) stored_[n->id] = path(j, n->depth);
    refresh();
  }
  void release() {
    if (jobs_.empty()) return;
    std::swap(jobs_[pick(0, int(jobs_.size()) - 1)], jobs_.back());
    owner_.tree.add_tail(jobs_.back().held, jobs_.back().tokens);
    owner_.tree.release(jobs_.back().held);
    jobs_.pop_back();
    refresh();
    check();
  }
  void evict() {
    const int64_t idle = owner_.tree.idle();
    ASSERT_EQ(owner_.tree.evict(), idle > 0) << "idle pages can always be evicted";
    refresh();
    evicted += idle - owner_.tree.idle();
    ASSERT_LT(owner_.tree.idle(), std::max<int64_t>(1, idle));
  }
  void check() {  // what is held is there, and the others are idle
    std::set<Path> held;
    for (const Job& j : jobs_) {
      for (const PrefixTree::Node* n = j.held; n && n->parent; n = n->parent) held.insert(path(j, n->depth));
    }
    for (const Path& p : held) ASSERT_TRUE(real(p));
    ASSERT_EQ(owner_.tree.idle(), owner_.tree.pages() - std::ssize(held));
    ASSERT_LE(owner_.tree.copies(), owner_.tree.options().copies_max);
    ASSERT_LE(owner_.tree.lost(), (owner_.tree.domains() + 1) * owner_.tree.options().lost_max);
  }

  std::mt19937 gen_;
  int block_;
  Owner owner_;
  std::map<uint64_t, Path> stored_;  // by Node::id
  std::vector<Job> jobs_;
};

TEST(PrefixTree, RandomLivesAreAsTheSlowModelSays) {
  int64_t read = 0, evicted = 0;
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Lives lives(seed, seed % 2);
    for (int i = 0; i < 300 && !testing::Test::HasFailure(); ++i) lives.step();
    if (!testing::Test::HasFailure()) lives.end();
    ASSERT_FALSE(testing::Test::HasFailure());
    read += lives.read, evicted += lives.evicted;
  }
  EXPECT_GT(read, 10000);  // the random steps reach every case
  EXPECT_GT(evicted, 10000);
}

}  // namespace
}  // namespace autark::engine
