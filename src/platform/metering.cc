#include "platform/metering.h"
#include "platform/metered_backend.h"

namespace autark::platform {

struct Metering::State {
  Options options;
  MeteringParts parts;
  std::mutex mutex;
  std::shared_ptr<const PriceList> prices;
};

Metering::Metering(Options options) : state_(std::make_shared<State>()) {
  state_->parts = {.books = bookkeeper_of(options.ledger), .clock = options.clock};
  state_->prices = std::make_shared<const PriceList>(std::move(options.prices));
  state_->options = std::move(options);
}

Metering::~Metering() {
  state_->parts.settling->wait();
}

std::shared_ptr<api::Backend> Metering::around(std::shared_ptr<api::Backend> backend) {
  MeteredBackend::Prices prices = [state = state_] {
    const std::lock_guard lock(state->mutex);
    return state->prices;
  };
  return std::make_shared<MeteredBackend>(MeteredBackend::Terms{.parts = state_->parts,
                                                                .limits = state_->options.limits,
                                                                .prices = std::move(prices),
                                                                .post_paid = state_->options.post_paid},
                                          std::move(backend));
}

void Metering::set_prices(PriceList prices) {
  auto fresh = std::make_shared<const PriceList>(std::move(prices));
  const std::lock_guard lock(state_->mutex);
  state_->prices.swap(fresh);
}

}  // namespace autark::platform
