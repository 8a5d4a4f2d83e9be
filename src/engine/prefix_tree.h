// The tokens whose state is kept for later requests: a tree over blocks of tokens. A node is one block, and
// the path to it is a prefix. It holds numbers and tokens only; prefix_store.h has the pages.
//
//   root ─ block 0 ─ block 1 ─ block 2        real: its page is kept; a state: a sequence can start behind it
//                  └ block 1'                 lost: remembered without its page, to tell why it is missing
//
// Models whose state is in pages can start behind every block. Others also need a copy of their rings, which
// is taken where the caller asks for it (mark), so a real node without a state only leads to deeper ones.
//
// A job holds the node that its own state includes; it and all nodes above it have `uses`, and stay. Nodes
// without uses are idle. Idle leaves are evicted when pages are needed, and copies when there are too many:
// the least score first,
//
//   score = score of the last victim + weight · value · blocks that would be computed again
//
// renewed at every use, so entries age by evictions, not by time. Entries of one kind have the same size, so
// this is the value per byte. Equal scores: the least recently used first.
//
// Domains: a child belongs to a domain, and a walk sees only children of its own domain, or of the public one
// while it is inside `public_tokens`. The lost nodes of a domain are bounded, so others cannot displace them.
// Deterministic: no clock, no hashes, no addresses (rules in batch.h). Not thread-safe.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>
#include "engine/prefix_reuse.h"

namespace autark::engine {

class PrefixTree {
 public:
  struct Options {
    int block = 128;                 // tokens of a block; at least 1
    bool anywhere = true;            // every block has a state; else only those that mark() names
    int64_t copies_max = INT64_MAX;  // states that mark() made; at least 1
    bool keeps_idle = true;          // false: a node is dropped as soon as it has no uses
    int64_t idle_max = INT64_MAX;    // idle nodes
    int lost_max = 1024;             // lost nodes of one domain
    int domains_max = 64;            // domains of which only lost nodes are remembered
  };
  struct Domain;
  struct Node;
  using Key = std::pair<uint64_t, std::vector<int32_t>>;  // domain and tokens

  // A prefix of this text may be in the tree. The text must outlive the call only.
  struct Text {
    const PrefixHints& hints;
    std::span<const int32_t> tokens;
  };
  struct Match {
    Node* node = nullptr;  // the deepest with a state; null: none
    int64_t blocks = 0;    // on the path to it
    int64_t idle = 0;      // of these, the idle ones
    int64_t known = 0;     // leading blocks of the text that are real
    int64_t visited = 0;   // nodes that were looked at
    PrefixReuse reuse;
  };
  // Nodes whose page or whose copy must be freed, since the last take_losses().
  struct Losses {
    std::vector<uint64_t> pages, copies;
  };

  explicit PrefixTree(const Options& options);
  ~PrefixTree();
  PrefixTree(const PrefixTree&) = delete;
  PrefixTree& operator=(const PrefixTree&) = delete;

  const Options& options() const { return options_; }
  // The longest reusable prefix of at most `blocks` blocks. Changes nothing.
  Match find(const Text& text, int64_t blocks) const;
  void count(const Match& m) { nodes_visited_ += uint64_t(m.visited); }  // of a request that was admitted
  uint64_t nodes_visited() const { return nodes_visited_; }
  // A job's state includes the path to `node` now; null: does nothing. The text's hints give its value.
  void hold(Node* node, const PrefixHints& hints);
  void release(Node* node);
  // Extends the path that a job holds (null: the empty one) up to the first `blocks` blocks of the text, and
  // holds that instead. Returns the nodes of the new blocks in order; `fresh` says which were not real before.
  struct Added {
    Node* node;
    bool fresh;
  };
  std::vector<Added> extend(Node* held, const Text& text, int64_t blocks);
  // Makes room for one more copy. Call before mark().
  void make_room_for_copy();
  // The copy of the rings behind a held node is there. `weight`: 1, or more where texts are likely to part;
  // `lasting`: demote() keeps the copy. Does nothing if it has one already, except to raise the weight.
  void mark(Node* node, float weight, bool lasting);
  // A copy that was taken on the way is no longer the last one: drops it, or makes it an ordinary one.
  void demote(Node* node, bool keep);
  // The state of a held node was read from the disk; Match::reuse says so until its first use.
  void set_loaded(Node& node);
  bool is_public(const Node& node) const;  // all domains share it
  // The tokens that followed the node in a use, for PrefixReuse::at; the last kTailsMax are remembered. Ignored for
  // public and null nodes.
  static constexpr int kTailsMax = 4;
  void add_tail(Node* node, std::span<const int32_t> tokens);
  // Frees at least one page of an idle node. False: there is none.
  bool evict();
  void clear();  // drops all idle nodes and forgets the lost ones
  Losses take_losses() { return std::exchange(losses_, {}); }

  int64_t pages() const { return pages_; }  // real nodes
  int64_t idle() const { return idle_; }
  int64_t copies() const { return std::ssize(copies_); }
  int64_t lost() const;  // nodes
  int64_t domains() const { return std::ssize(domains_); }

 private:
  struct Before {
    using is_transparent = void;
    using View = std::pair<uint64_t, std::span<const int32_t>>;
    static View view(const Key& k) { return {k.first, k.second}; }
    static View view(const View& v) { return v; }
    bool operator()(const auto& a, const auto& b) const { return less(view(a), view(b)); }
    static bool less(const View& a, const View& b);
  };
  using Children = std::map<Key, std::unique_ptr<Node>, Before>;
  // score, time of the last use, id: a total order
  using Rank = std::tuple<double, uint64_t, uint64_t>;
  using Queue = std::map<Rank, Node*>;

  uint64_t domain_at(const Text& text, int64_t block) const;
  Domain& domain_for(const Text& text, int64_t block);
  Node* child(const Node& of, const Text& text, int64_t block) const;
  Node& make_child(Node& of, const Text& text, int64_t block);
  struct Nearest {
    int64_t same = 0;                    // tokens
    std::span<const int32_t> rest = {};  // what follows them in the nearest entry; empty: it ends there
    const Node* in = nullptr;            // the child that `rest` is of; null: a tail
  };
  Nearest nearest(const Node& at, const Text& text) const;
  std::vector<int32_t> shown(const Nearest& entry) const;
  void explain(const Node& end, const Text& text, Match* m) const;
  bool has_state(const Node& n) const;
  void touch(Node& n);
  void queue(Node& n);
  void unqueue(Node& n);
  void use(Node& n);
  void note(Node& n, const PrefixHints& hints);
  void become_real(Node& n);
  void drop_copy(Node& n);
  void prune(Node* n);
  void lose(Node& n, Why why);
  Why reason(const Node& n) const;
  void forget_oldest(Domain& d);
  void leave(Node& n);
  void rank(Domain& d);
  void bound_domains();

  Options options_;
  std::unique_ptr<Node> root_;
  std::unique_ptr<Domain> public_;
  std::map<std::string, Domain> domains_;  // those with nodes
  // Domains that have only lost nodes, the longest unused first.
  std::map<uint64_t, Domain*> lost_domains_;
  Queue leaves_, copies_;  // idle leaves with a state; nodes with a copy
  Losses losses_;
  uint64_t last_id_ = 0, last_domain_ = 0, now_ = 0, last_lost_ = 0, nodes_visited_ = 0;
  int64_t latest_ = 0;  // the latest PrefixHints::arrived
  double floor_ = 0;    // score of the last victim
  int64_t pages_ = 0, idle_ = 0;
};

// The lost nodes of one domain, the longest lost first.
struct PrefixTree::Domain {
  uint64_t id = 0;
  std::string name = {};
  uint64_t used = 0;
  uint64_t ranked = 0;  // its place in lost_domains_; 0: it is not there
  int64_t nodes = 0;
  std::map<uint64_t, Node*> lost = {};
};

struct PrefixTree::Node {
  uint64_t id = 0;  // never used again
  Node* parent = nullptr;
  Domain* domain = nullptr;
  const Key* key = nullptr;
  int64_t depth = 0;  // blocks up to and with this one; 0: the root
  int uses = 0, real_children = 0;
  bool real = false, copy = false, lasting = false;
  bool loaded = false;                 // read from the disk and not used since
  std::optional<Why> lost, copy_lost;  // why its page or its copy is not there any more
  uint64_t lost_at = 0;
  float weight = 1, value = 1;
  int64_t keep_until = 0;
  uint64_t used = 0;
  double score = 0;
  std::vector<std::vector<int32_t>> tails;  // the last one last
  Children children;
};

}  // namespace autark::engine
