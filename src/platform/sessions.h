// Sign-ins of members: password (Argon2id), TOTP, and sessions that can be ended. The table has hashes of session tokens
// only. A session lasts 12 hours, and ends after one hour without use.
// Sign-ins that fail are slowed down per name and per address: after 5 within a minute they are rate_limited, with a pause
// that grows to a minute. All functions may be called from any thread and block: for the database, and sign-ins for the
// password, of which two are computed at a time and 16 wait (more: rate_limited).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "api/item.h"
#include "platform/clock.h"
#include "platform/directory.h"
#include "platform/secret_box.h"
#include "store/database.h"

namespace autark::platform {

struct Session {
  std::string id;  // "ses_…", no secret
  std::string member, member_name, address;
  Micros created = 0, used = 0, expires = 0;
};

// A session as its owner sees it.
struct OpenSession {
  Session session;
  Member member;
  Actor actor;       // the member's rights now
  std::string csrf;  // belongs to this session only
  // An administrator without TOTP: it may set that, and nothing else.
  bool needs_totp() const { return actor.is_administrator() && !member.totp_set; }
};

struct SignedIn {
  OpenSession open;
  std::string token;  // the cookie's value; here and nowhere else
};

struct TotpOffer {
  std::string secret;  // Base32
  std::string uri;     // otpauth://totp/…
};

class Sessions {
 public:
  template <class T>
  using Answer = api::ApiResult<T>;
  using Fault = std::optional<api::ApiError>;

  Sessions(std::shared_ptr<storage::Database> database, SecretBox box, Clock clock = system_now);
  ~Sessions();

  // authentication with code "wrong_credentials" (unknown name, wrong password, disabled member: the same, and as long) or
  // "totp_required" (the password is right, the code is missing or wrong or was used before).
  Answer<SignedIn> sign_in(const std::string& name, const std::string& password, const std::string& totp,
                           const std::string& address);
  // The session of a cookie, and that it was used; unset if it is none, or has ended.
  Answer<std::optional<OpenSession>> find(const std::string& token);
  // Its own sessions; security administrators see those of their account. Newest first.
  Answer<std::vector<Session>> list(const Actor& who);
  Fault end(const Actor& who, const std::string& session);  // not_found: also those of others

  // Ends the member's other sessions. A wrong old password counts as a failed sign-in.
  Fault change_password(const OpenSession& session, const std::string& old_password,
                        const std::string& password);
  // A new TOTP secret, which counts once a code of it was confirmed. An old one counts until then.
  Answer<TotpOffer> offer_totp(const OpenSession& session);
  Fault confirm_totp(const OpenSession& session, const std::string& code);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace autark::platform
