#include "engine/prefix_tree.h"
#include <algorithm>
#include "base/check.h"

namespace autark::engine {

const char* name_of(Tier t) {
  constexpr const char* kNames[kTiers] = {"none", "memory", "disk"};
  return kNames[int(t)];
}

const char* name_of(Why w) {
  constexpr const char* kNames[kWhys] = {"complete", "differs",      "expired",
                                         "evicted",  "never_stored", "other_model"};
  return kNames[int(w)];
}

namespace {

constexpr float kValueMax = 16, kKeptValue = 4;

int64_t common(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

}  // namespace

bool PrefixTree::Before::less(const View& a, const View& b) {
  if (a.first != b.first) return a.first < b.first;
  return std::ranges::lexicographical_compare(a.second, b.second);
}

PrefixTree::PrefixTree(const Options& options)
    : options_(options), root_(std::make_unique<Node>()), public_(std::make_unique<Domain>()) {
  AUTARK_CHECK(options.block > 0 && options.copies_max > 0);
}

// Not recursive: a path may have thousands of nodes.
PrefixTree::~PrefixTree() {
  std::vector<std::unique_ptr<Node>> all;
  all.push_back(std::move(root_));
  while (!all.empty()) {
    const auto n = std::move(all.back());
    all.pop_back();
    for (auto& [key, child] : n->children) all.push_back(std::move(child));
  }
}

// The id of the domain of a block; UINT64_MAX: one without nodes.
uint64_t PrefixTree::domain_at(const Text& text, int64_t block) const {
  if ((block + 1) * options_.block <= text.hints.public_tokens) return public_->id;
  const auto d = domains_.find(text.hints.domain);
  return d == domains_.end() ? UINT64_MAX : d->second.id;
}

PrefixTree::Domain& PrefixTree::domain_for(const Text& text, int64_t block) {
  if ((block + 1) * options_.block <= text.hints.public_tokens) return *public_;
  const auto [d, made] = domains_.try_emplace(text.hints.domain);
  d->second.used = now_;
  rank(d->second);
  if (!made) return d->second;
  d->second.id = ++last_domain_;
  d->second.name = text.hints.domain;
  bound_domains();
  return d->second;
}

// Call when the nodes of a domain or its last use changed.
void PrefixTree::rank(Domain& d) {
  if (d.ranked > 0) lost_domains_.erase(d.ranked);
  const bool only_lost = &d != public_.get() && d.nodes > 0 && d.nodes == std::ssize(d.lost);
  d.ranked = only_lost ? d.used : 0;
  if (only_lost) lost_domains_[d.used] = &d;
}

// Forgets the domains that were not used for the longest time and have only lost nodes.
void PrefixTree::bound_domains() {
  while (std::ssize(domains_) > options_.domains_max && !lost_domains_.empty()) {
    const std::string name = lost_domains_.begin()->second->name;
    for (auto d = domains_.find(name); d != domains_.end(); d = domains_.find(name)) forget_oldest(d->second);
  }
}

PrefixTree::Node* PrefixTree::child(const Node& of, const Text& text, int64_t block) const {
  const auto tokens = text.tokens.subspan(block * options_.block, options_.block);
  const auto c = of.children.find(Before::View{domain_at(text, block), tokens});
  return c == of.children.end() ? nullptr : c->second.get();
}

PrefixTree::Node& PrefixTree::make_child(Node& of, const Text& text, int64_t block) {
  if (Node* c = child(of, text, block)) return *c;
  Domain& d = domain_for(text, block);
  const auto tokens = text.tokens.subspan(block * options_.block, options_.block);
  const auto c =
      of.children.emplace(Key{d.id, {tokens.begin(), tokens.end()}}, std::make_unique<Node>()).first;
  Node& n = *c->second;
  n.id = ++last_id_;
  n.parent = &of, n.domain = &d, n.key = &c->first;
  n.depth = block + 1;
  ++d.nodes;
  rank(d);
  return n;
}

PrefixTree::Match PrefixTree::find(const Text& text, int64_t blocks) const {
  AUTARK_CHECK(blocks * options_.block <= std::ssize(text.tokens));
  Match m;
  m.reuse.possible = blocks * options_.block;
  const Node* at = root_.get();
  Why lost = Why::never_stored;
  while (at->depth < blocks) {
    Node* next = child(*at, text, at->depth);
    if (!next) break;
    at = next;
    ++m.visited;
    if (at->real) m.known = at->depth;
    if (at->real && has_state(*at)) {
      m.node = next;
      lost = Why::never_stored;
    } else if (lost == Why::never_stored) {
      lost = (at->real ? at->copy_lost : at->lost).value_or(Why::never_stored);
    }
  }
  for (const Node* n = m.node; n && n != root_.get() && n->uses == 0; n = n->parent) ++m.idle;
  bool loaded = false;
  for (const Node* n = m.node; n && !loaded; n = n->parent) loaded = n->loaded;
  m.blocks = m.node ? m.node->depth : 0;
  m.reuse.read = m.blocks * options_.block;
  m.reuse.tier = !m.node ? Tier::none : loaded ? Tier::disk : Tier::memory;
  if (m.reuse.read == m.reuse.possible) return m;
  explain(*at, text, &m);
  if (lost == Why::never_stored) return m;
  m.reuse.why = lost, m.reuse.at = m.reuse.read;
  m.reuse.own.clear(), m.reuse.other.clear();
  return m;
}

// Where the text leaves the entries of its domain, if the path to `end` is all that they share.
void PrefixTree::explain(const Node& end, const Text& text, Match* m) const {
  const Nearest entry = nearest(end, text);
  const int64_t same = end.depth * options_.block + entry.same;
  const bool inside = same < m->reuse.possible;
  m->reuse.why = inside && !entry.rest.empty() ? Why::differs : Why::never_stored;
  m->reuse.at = inside ? same : m->reuse.read;
  if (m->reuse.why != Why::differs || !text.hints.diagnostics) return;
  const auto own = text.tokens.subspan(same);
  const auto end_of_shown = own.begin() + std::min<int64_t>(std::ssize(own), PrefixReuse::kShownMax);
  m->reuse.own.assign(own.begin(), end_of_shown);
  m->reuse.other = shown(entry);
}

// What the text has in common with the nearest entry behind `at`. Children are in the order of their tokens,
// so it is a neighbour of the place where the text belongs.
PrefixTree::Nearest PrefixTree::nearest(const Node& at, const Text& text) const {
  const uint64_t domain = domain_at(text, at.depth);
  const auto rest = text.tokens.subspan(at.depth * options_.block);
  Nearest most;
  const auto compare = [&](std::span<const int32_t> with, const Node* in) {
    const int64_t n = common(rest, with);
    if (n >= most.same) most = {n, with.subspan(n), in};
  };
  if (at.domain && at.domain->id == domain) {
    for (const auto& tail : at.tails) compare(tail, nullptr);
  }
  const auto next = at.children.lower_bound(Before::View{domain, rest});
  if (next != at.children.end() && next->first.first == domain)
    compare(next->first.second, next->second.get());
  if (next == at.children.begin()) return most;
  const auto before = std::prev(next);
  if (before->first.first == domain) compare(before->first.second, before->second.get());
  return most;
}

// The rest of the nearest entry, and what follows it in the same domain.
std::vector<int32_t> PrefixTree::shown(const Nearest& entry) const {
  std::vector<int32_t> tokens(entry.rest.begin(), entry.rest.end());
  for (const Node* n = entry.in; n && tokens.size() < PrefixReuse::kShownMax;) {
    const auto next = n->children.lower_bound(Before::View{n->domain->id, {}});
    if (next == n->children.end() || next->first.first != n->domain->id) break;
    tokens.insert(tokens.end(), next->first.second.begin(), next->first.second.end());
    n = next->second.get();
  }
  tokens.resize(std::min(tokens.size(), size_t(PrefixReuse::kShownMax)));
  return tokens;
}

bool PrefixTree::has_state(const Node& n) const {
  return options_.anywhere || n.copy;
}

// Renews the rank of a node in the queues.
void PrefixTree::touch(Node& n) {
  unqueue(n);
  copies_.erase({n.score, n.used, n.id});
  n.used = now_;
  const Node* above = n.parent;
  while (above && above != root_.get() && !has_state(*above)) above = above->parent;
  const double kept = n.keep_until > latest_ ? kKeptValue : 1;
  n.score = floor_ + kept * n.weight * n.value * double(n.depth - (above ? above->depth : 0));
  if (n.copy) copies_.emplace(Rank{n.score, n.used, n.id}, &n);
  queue(n);
}

void PrefixTree::queue(Node& n) {
  if (n.real && n.uses == 0 && n.real_children == 0 && has_state(n))
    leaves_.emplace(Rank{n.score, n.used, n.id}, &n);
}

void PrefixTree::unqueue(Node& n) {
  leaves_.erase({n.score, n.used, n.id});
}

void PrefixTree::use(Node& n) {
  unqueue(n);
  if (n.uses++ == 0) --idle_;
}

void PrefixTree::note(Node& n, const PrefixHints& hints) {
  latest_ = std::max(latest_, hints.arrived);
  n.value = hints.value > 0 ? std::clamp(hints.value, 1 / kValueMax, kValueMax) : 1;
  n.keep_until = std::max(n.keep_until, hints.keep_until);
  if (has_state(n)) touch(n);
}

bool PrefixTree::is_public(const Node& node) const {
  return node.domain == public_.get();
}

void PrefixTree::set_loaded(Node& node) {
  node.loaded = true;
}

void PrefixTree::hold(Node* node, const PrefixHints& hints) {
  ++now_;
  for (Node* n = node; n && n != root_.get(); n = n->parent) {
    n->loaded = false;
    use(*n);
    note(*n, hints);
  }
}

void PrefixTree::release(Node* node) {
  for (Node* n = node; n && n != root_.get(); n = n->parent) {
    AUTARK_CHECK(n->uses > 0);
    if (--n->uses == 0) ++idle_;
  }
  if (node) prune(node);
  while (idle_ > options_.idle_max && evict()) {
  }
}

std::vector<PrefixTree::Added> PrefixTree::extend(Node* held, const Text& text, int64_t blocks) {
  ++now_;
  std::vector<Added> added;
  Node* n = held ? held : root_.get();
  while (n->depth < blocks) {
    n = &make_child(*n, text, n->depth);
    added.push_back({n, !n->real});
    if (!n->real) become_real(*n);
    use(*n);
    note(*n, text.hints);
  }
  return added;
}

void PrefixTree::become_real(Node& n) {
  unqueue(*n.parent);  // no leaf any more
  ++n.parent->real_children;
  n.real = true;
  ++pages_, ++idle_;
  if (n.lost) n.domain->lost.erase(n.lost_at);
  n.lost.reset(), n.copy_lost.reset();
  rank(*n.domain);
}

void PrefixTree::make_room_for_copy() {
  while (copies() >= options_.copies_max) {
    Node& victim = *copies_.begin()->second;
    floor_ = std::max(floor_, victim.score);
    drop_copy(victim);
    victim.copy_lost = reason(victim);
    prune(&victim);
  }
}

void PrefixTree::mark(Node* node, float weight, bool lasting) {
  AUTARK_CHECK(node && node->real && node->uses > 0 && !options_.anywhere);
  node->weight = node->copy ? std::max(node->weight, weight) : weight;
  node->lasting = node->lasting || lasting;
  node->copy = true;
  node->copy_lost.reset();
  touch(*node);
}

void PrefixTree::demote(Node* node, bool keep) {
  if (!node->copy || node->lasting) return;
  if (keep) {
    node->weight = 1;
    touch(*node);
  } else {
    drop_copy(*node);
    prune(node);
  }
}

void PrefixTree::drop_copy(Node& n) {
  unqueue(n);
  copies_.erase({n.score, n.used, n.id});
  n.copy = n.lasting = false;
  n.weight = 1;
  losses_.copies.push_back(n.id);
}

// A tail that the new one continues is the same text.
void PrefixTree::add_tail(Node* node, std::span<const int32_t> tokens) {
  if (!node || node->domain == public_.get() || tokens.empty()) return;
  auto& tails = node->tails;
  std::erase_if(tails, [&](const auto& t) { return common(t, tokens) == std::ssize(t); });
  if (tails.size() == kTailsMax) tails.erase(tails.begin());
  tails.emplace_back(tokens.begin(), tokens.end());
}

Why PrefixTree::reason(const Node& n) const {
  if (!options_.keeps_idle) return Why::never_stored;
  return n.keep_until > 0 && n.keep_until <= latest_ ? Why::expired : Why::evicted;
}

bool PrefixTree::evict() {
  if (leaves_.empty()) return false;
  Node* victim = leaves_.begin()->second;
  Node* parent = victim->parent;
  floor_ = std::max(floor_, victim->score);
  lose(*victim, reason(*victim));
  prune(parent);
  return true;
}

// Drops idle leaves from `n` upwards that lead to no state, and queues the first that stays.
void PrefixTree::prune(Node* n) {
  while (n != root_.get() && n->real && n->uses == 0 && n->real_children == 0) {
    if (has_state(*n) && options_.keeps_idle) return queue(*n);
    Node* parent = n->parent;
    lose(*n, has_state(*n) ? reason(*n) : n->copy_lost.value_or(Why::never_stored));
    n = parent;
  }
}

void PrefixTree::lose(Node& n, Why why) {
  if (n.copy) drop_copy(n);
  unqueue(n);
  n.real = n.loaded = false;
  n.tails = {};
  --pages_, --idle_;
  --n.parent->real_children;
  losses_.pages.push_back(n.id);
  n.lost = why;
  n.lost_at = ++last_lost_;
  Domain& d = *n.domain;
  d.lost.emplace(n.lost_at, &n);
  rank(d);
  if (std::ssize(d.lost) > options_.lost_max) forget_oldest(d);
}

void PrefixTree::forget_oldest(Domain& d) {
  Node& n = *d.lost.begin()->second;
  std::vector<Node*> below{&n};
  for (size_t i = 0; i < below.size(); ++i) {
    for (auto& [key, child] : below[i]->children) below.push_back(child.get());
  }
  for (Node* gone : below) leave(*gone);
  n.parent->children.erase(n.parent->children.find(*n.key));
}

// All nodes below a lost one are lost, too.
void PrefixTree::leave(Node& n) {
  AUTARK_CHECK(!n.real);
  Domain& d = *n.domain;
  d.lost.erase(n.lost_at);
  --d.nodes;
  rank(d);
  if (d.nodes == 0 && &d != public_.get()) domains_.erase(domains_.find(d.name));
}

void PrefixTree::clear() {
  while (evict()) {
  }
  while (!public_->lost.empty()) forget_oldest(*public_);
  for (bool again = true; again;) {
    const auto d = std::ranges::find_if(domains_, [](const auto& d) { return !d.second.lost.empty(); });
    if ((again = d != domains_.end())) forget_oldest(d->second);
  }
}

int64_t PrefixTree::lost() const {
  int64_t n = std::ssize(public_->lost);
  for (const auto& [name, d] : domains_) n += std::ssize(d.lost);
  return n;
}

}  // namespace autark::engine
