// The platform of null_server: opened in a folder, or made there with a key whose limits are given.
#pragma once
#include <cstdio>
#include "platform/guarded_memory.h"
#include "platform/server_platform.h"

namespace autark::doors {

struct PlatformWish {
  std::string folder, store = "sqlite:platform.db";
  long rpm = 0, tpm = 0, concurrency = 0, budget = 0;  // of the key; 0: as much as no test uses
};

// Limits at all levels, of all kinds, so that a request takes what the largest platform asks of it.
inline std::vector<platform::Limit> limits_of(const PlatformWish& wish, const platform::MadePlatform& made) {
  constexpr int64_t kAmple = 1'000'000'000'000;
  const auto amount = [](long given) { return given ? given : kAmple; };
  std::vector<platform::Limit> all;
  for (const auto& [level, subject] : {std::pair("account", made.account),
                                       std::pair("workspace", made.workspace), std::pair("key", made.key)}) {
    const bool key = subject == made.key;
    using Kind = platform::LimitKind;
    const auto add = [&, level = level, subject = subject](Kind kind, long given) {
      all.push_back({.level = level, .subject = subject, .kind = kind, .amount = amount(key ? given : 0)});
    };
    add(Kind::rpm, wish.rpm), add(Kind::tpm, wish.tpm), add(Kind::concurrency, wish.concurrency);
    add(Kind::budget, wish.budget);
  }
  return all;
}

// Makes the platform if there is none, with a price of 1 for a million tokens, which follows the free one that every platform
// begins with, and prints "key SECRET".
inline std::optional<Error> make_missing(const PlatformWish& wish) {
  std::error_code failed;
  if (std::filesystem::exists(std::filesystem::path(wish.folder) / "platform.toml", failed)) return {};
  const auto made = platform::make_platform(wish.folder, {.store = wish.store});
  if (!made) return made.error();
  auto opened = platform::open_platform(made->file);
  if (!opened) return opened.error();
  const platform::Actor who = platform::operator_of(made->account);
  for (const platform::Limit& limit : limits_of(wish, *made)) {
    const auto set = opened->directory->set_limit(who, limit);
    if (const auto* fault = std::get_if<api::ApiError>(&set)) return Error{Code::invalid, fault->message};
  }
  const auto prices = opened->directory->add_price_file(
      who,
      "version = \"door-1\"\nvalid_from = 2026-01-02T00:00:00Z\ncurrency = \"CNY\"\n"
      "[models.\"*\"]\ninput = 1\noutput = 1\n");
  if (const auto* fault = std::get_if<api::ApiError>(&prices)) return Error{Code::invalid, fault->message};
  std::printf("key %s\n", made->secret.c_str());
  return {};
}

inline Result<std::unique_ptr<platform::ServerPlatform>> open_or_make(const PlatformWish& wish) {
  platform::guard_memory();
  if (auto fault = make_missing(wish)) return *fault;
  return platform::open_server_platform(wish.folder);
}

}  // namespace autark::doors
