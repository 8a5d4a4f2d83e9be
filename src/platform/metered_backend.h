// The backend that Metering puts in front of another one.
#pragma once
#include <map>
#include "platform/metered_request.h"

namespace autark::platform {

class MeteredBackend final : public api::Backend {
 public:
  using Prices = std::function<std::shared_ptr<const PriceList>()>;
  struct Terms {
    MeteringParts parts;
    std::shared_ptr<Limits> limits;
    Prices prices;
    bool post_paid = true;
  };
  MeteredBackend(Terms terms, std::shared_ptr<api::Backend> inner);

  Handle submit(api::Request request, Sink sink) override;
  api::ApiResult<api::Extent> prepare(api::Request& request) const override;

  std::vector<api::ModelEntry> models() const override { return inner_->models(); }
  std::string fingerprint() const override { return inner_->fingerprint(); }
  std::optional<api::ApiError> fault() const override { return inner_->fault(); }
  void clear_cache() override { inner_->clear_cache(); }
  Json state() const override { return inner_->state(); }
  api::ApiResult<int64_t> count_tokens(const api::Request& r) const override {
    return inner_->count_tokens(r);
  }
  api::ApiResult<std::vector<int32_t>> tokenize(const api::Request& r) const override {
    return inner_->tokenize(r);
  }
  api::ApiResult<std::string> detokenize(std::span<const int32_t> ids) const override {
    return inner_->detokenize(ids);
  }
  api::ApiResult<Json> tokenizer_info() const override { return inner_->tokenizer_info(); }
  Json about() const override { return inner_->about(); }

 private:
  struct Extents;
  Charge charge_of(const api::Request& request) const;
  std::optional<api::ApiError> without_means(const Charge& charge) const;
  void book_refusal(const Charge& charge, Micros now) const;
  std::string id_of_model(const std::string& name) const;
  // Checks all that may refuse the request, takes its room and shortens it to that.
  api::ApiResult<MeteredRequest::Terms> admit(api::Request& request) const;

  const Terms terms_;
  const std::shared_ptr<api::Backend> inner_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Micros> refused_;  // keys: when a refusal was booked last
};

// What a request with these sizes needs at most. `choices`: of all prompts.
Demand demand_of(const api::Request& request, const api::Extent& extent, int choices, const Quote& quote);

}  // namespace autark::platform
