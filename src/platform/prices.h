// What tokens cost: price files in TOML, each with a version and a day from which it is valid.
//
//   version = "2026-11"
//   valid_from = 2026-11-01T00:00:00+08:00
//   currency = "CNY"
//   time_zone = "Asia/Shanghai"                   # or "+08:00"; UTC, if it is not given
//   [calendar]                                    # hours of peak prices; without it there are none
//   holidays = [2026-10-01, 2026-10-02]           # whole days without a peak
//   [[calendar.peak]]                             # windows of one day do not overlap
//   days = ["mon", "tue", "wed", "thu", "fri"]
//   from = 09:00:00
//   to = 12:00:00                                 # before `from`: on the next day
//   [models."*"]                                  # for 1,000,000 tokens; "*": models without a table of their own
//   input = 1                                     # that had to be computed
//   cached = 0.02                                 # read from the prefix cache; input, if it is not given
//   cache_write = 1                               # computed and kept because the client asked; input
//   output = 4
//   reasoning = 4                                 # output
//   [models."*".peak]                             # the same keys
//   input = 2
//   [service]                                     # factors of service classes; 1, if not given
//   flex = 0.5
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"
#include "platform/clock.h"

namespace autark::platform {

// Tokens of one request by what they cost. The classes do not overlap.
struct Tokens {
  int64_t input = 0;        // of the prompt, computed
  int64_t cached = 0;       // of the prompt, read from the cache
  int64_t cache_write = 0;  // of the prompt, computed and kept
  int64_t output = 0;       // of the answer, without reasoning
  int64_t reasoning = 0;
  int64_t all() const { return input + cached + cache_write + output + reasoning; }
  bool operator==(const Tokens&) const = default;
};

// Nanos of the currency for 1,000,000 tokens of each class.
struct Rates {
  int64_t input = 0, cached = 0, cache_write = 0, output = 0, reasoning = 0;
  bool operator==(const Rates&) const = default;
};

// The price of one request; it is frozen when the request starts.
struct Quote {
  std::string version;   // of the price file; empty: nothing costs anything
  std::string currency;  // of the price file
  bool peak = false;
  Rates rates;
  int64_t cost(const Tokens& tokens) const;  // nanos; each class is rounded for itself
};

class PriceFile {
 public:
  // An Error names the key and its line. Unknown keys are refused. Bounds: 1 MiB, prices up to 1,000,000 with nine digits
  // behind the point, factors up to 100.
  static Result<PriceFile> parse(const std::string& toml);

  std::string version, currency, time_zone;
  Micros valid_from = 0;
  std::string body;  // the file's own text
  // `service`: "standard", "priority", "flex" or "batch"; others cost as "standard".
  Quote quote(std::string_view model, std::string_view service, Micros time) const;
  bool is_peak(Micros time) const;

  struct Schedule;  // in price_schedule.h

 private:
  PriceFile() = default;
  std::shared_ptr<const Schedule> schedule_;
};

// All price files of a platform; the one counts that became valid last.
class PriceList {
 public:
  PriceList() = default;
  explicit PriceList(std::vector<PriceFile> files);
  // The file that counts; nullptr if none is valid yet.
  const PriceFile* at(Micros time) const;
  // A quote without a version if no file is valid yet.
  Quote quote(std::string_view model, std::string_view service, Micros time) const;
  const std::vector<PriceFile>& files() const { return files_; }  // by valid_from

 private:
  std::vector<PriceFile> files_;
};

}  // namespace autark::platform
