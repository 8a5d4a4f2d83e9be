// The directory: accounts, their workspaces, members and keys, the limits of each, price files and settings. Who is
// disabled keeps its rows. Every change raises version() in its transaction, so that servers read again.
//
//   account ─ workspace ─ key       names are unique: workspaces in the account, keys in the workspace, members and
//           ─ member                accounts in the platform; 1 to 64 characters, none of them a control character
//
// `who` may do what rights.h says; it sees nothing of other accounts, and of workspaces out of reach only "not found", in
// the same words as for what is not there. Where an argument is an id, a name is taken, too.
// All functions may be called from any thread and block for the database. Faults: forbidden, not_found, invalid (with
// param, and code "name_taken", "separation" where it is that), conflict ("version_taken"), unavailable (the database).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "api/item.h"
#include "platform/clock.h"
#include "platform/limits.h"
#include "platform/prices.h"
#include "platform/rights.h"
#include "store/database.h"

namespace autark::platform {

// Ids begin with acc_, wsp_, mem_ and key_. Moments are unset if they never come.
struct Account {
  std::string id, name, currency;
  Micros created = 0;
  std::optional<Micros> disabled;
};

struct Workspace {
  std::string id, account, name;
  Micros created = 0;
  std::optional<Micros> disabled;
  int64_t key_count = 0, member_count = 0;  // of those that are not disabled
};

struct Member {
  std::string id, account, name;
  std::vector<Role> roles;
  std::vector<std::string> workspaces;  // ids
  Micros created = 0;
  std::optional<Micros> disabled;
  bool totp_set = false;
};

struct Key {
  std::string id, account, workspace, workspace_name, name;
  std::string prefix;  // of the newest secret: "ak-" and 8 characters; not secret
  std::string member;  // whose it is: it stops with its member; empty: the workspace's
  Role role = Role::developer;
  std::vector<std::string> models, routes, ips;  // empty: all
  Micros created = 0;
  std::optional<Micros> expires, disabled, used;  // used: to the minute
  std::optional<Micros> rotating_until;           // an older secret works until then
};

// The secret is here and nowhere else.
struct MadeKey {
  Key key;
  std::string secret;
};
struct MadeMember {
  Member member;
  std::string password;  // if one was made
};

struct KeyDraft {
  std::string workspace, name;
  std::vector<std::string> models;
  std::vector<std::string> routes;  // paths, "/v1/chat/completions", or all below one: "/v1/*"
  std::vector<std::string> ips;     // addresses or networks: "10.0.0.0/8", "2001:db8::/32"
  std::optional<Micros> expires;
  Role role = Role::developer;  // an administrative one only if `who` has it; the operator gives any
  std::string member;           // a developer's keys are its own; administrative keys of a member are its own
  std::vector<Limit>
      limits;  // level and subject are set here; need change_limits, except for one's own new key
};

struct MemberDraft {
  std::string name;
  std::vector<Role> roles;  // none: developer
  std::vector<std::string> workspaces;
  std::string password;  // empty: one is made
};

struct KeyFilter {
  std::string workspace;  // empty: all that `who` sees
  bool include_disabled = false;
};

struct PriceRecord {
  std::string version;
  Micros valid_from = 0, added = 0;
  std::string body;
};

class Directory {
 public:
  template <class T>
  using Answer = api::ApiResult<T>;
  using Fault = std::optional<api::ApiError>;  // unset: done

  explicit Directory(std::shared_ptr<storage::Database> database, Clock clock = system_now);

  // Accounts: for the operator, who names them on its commands. `currency`: three capital letters, those of the prices if
  // there are any.
  Answer<Account> create_account(const std::string& name, const std::string& currency);
  Answer<std::vector<Account>> accounts();
  // By id or name; empty: the only one, or the one named "default".
  Answer<Account> account(const std::string& account);
  Fault enable_account(const std::string& account, bool enabled);

  Answer<Workspace> create_workspace(const Actor& who, const std::string& name);
  Answer<std::vector<Workspace>> workspaces(const Actor& who);  // by name
  Answer<Workspace> workspace(const Actor& who, const std::string& workspace);
  Answer<Workspace> enable_workspace(const Actor& who, const std::string& workspace, bool enabled);

  Answer<MadeMember> create_member(const Actor& who, const MemberDraft& draft);
  Answer<std::vector<Member>> members(const Actor& who);  // by name
  Answer<Member> member(const Actor& who, const std::string& member);
  // Sets what is given.
  Answer<Member> change_member(const Actor& who, const std::string& member,
                               const std::optional<std::vector<Role>>& roles,
                               const std::optional<std::vector<std::string>>& workspaces);
  // Disabling ends its sessions and stops its keys. The last member or key that may change members stays (invalid).
  Answer<Member> enable_member(const Actor& who, const std::string& member, bool enabled);
  Fault reset_totp(const Actor& who, const std::string& member);
  // Ends its sessions. `password` empty: one is made. The new one.
  Answer<std::string> reset_password(const Actor& who, const std::string& member,
                                     const std::string& password = {});

  Answer<MadeKey> create_key(const Actor& who, const KeyDraft& draft);
  Answer<std::vector<Key>> keys(const Actor& who, const KeyFilter& filter = {});  // by workspace and name
  // By id, prefix or name; a name that several keys have is invalid, and the fault says their ids.
  Answer<Key> key(const Actor& who, const std::string& key);
  Answer<Key> enable_key(const Actor& who, const std::string& key, bool enabled);
  // A new secret under the same id. The older ones work for `overlap` yet; 0: not at all. At most 30 days.
  Answer<MadeKey> rotate_key(const Actor& who, const std::string& key, Micros overlap);

  // Limits. `subject` of account, workspace and key: id or name. Empty `level` or `subject`: all that `who` sees.
  Answer<std::vector<Limit>> limits(const Actor& who, const std::string& level = {},
                                    const std::string& subject = {});
  // Sets its amount (and period); a raise stays. The limit as it is now.
  Answer<Limit> set_limit(const Actor& who, const Limit& limit);
  // Removes it. It is no fault if there is none.
  Fault clear_limit(const Actor& who, const Limit& limit);
  // Limit::raised counts until Limit::until, at most 31 days from now. The limit must be there.
  Answer<Limit> raise_limit(const Actor& who, const Limit& limit);

  Answer<std::vector<PriceRecord>> price_files(const Actor& who);  // by valid_from
  // A version never changes: conflict, unless the text is the same. The currency must be that of all accounts that are
  // not disabled, as prices count for all.
  Answer<PriceRecord> add_price_file(const Actor& who, const std::string& toml);

  // Whether nobody may hold two administrative roles.
  Answer<bool> separation();
  // Switching it on is refused, with their names, while there are members with two.
  Fault set_separation(const Actor& who, bool separated);

  // What servers read. Grows with every change.
  Result<int64_t> version();
  Result<std::vector<Limit>> all_limits();
  Result<PriceList> all_prices();
  // The actor of a caller that the gate let in: its key's role; a developer's key reaches its own workspace.
  static Actor actor_of(const api::Caller& caller);

 private:
  std::shared_ptr<storage::Database> database_;
  Clock clock_;
};

// "30d", "12h", "15m", "90s": microseconds. An Error for other texts, 0 and more than 10 years.
Result<Micros> parse_duration(const std::string& text);
// A duration from `now` on, or a time as RFC 3339 writes it ("2026-12-31T00:00:00Z", "2026-12-31").
Result<Micros> parse_moment(const std::string& text, Micros now);

}  // namespace autark::platform
