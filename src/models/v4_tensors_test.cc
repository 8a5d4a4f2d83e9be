// Goal: the list of a DeepSeek-V4 checkpoint's tensors is that of the published files, and the model file
// asks for every tensor of its trunk and for no other. Method: counts and bytes, in total, by type and by
// layer, as in the indexes of the published checkpoints.
#include "models/v4_tensors.h"
#include <gtest/gtest.h>
#include <map>
#include <set>
#include "models/architecture.h"
#include "models/v4_testing.h"
#include "weights/weights.h"

namespace autark {
namespace {

std::vector<V4Tensor> list(const Json& json) {
  const ConfigFile f(json);
  const V4Config c(f);
  const auto with = read_v4_contents(f, c);
  EXPECT_FALSE(f.fault()) << f.fault()->message;
  return v4_tensors(c, with);
}

int64_t bytes(const std::vector<V4Tensor>& all, std::string_view prefix = "") {
  int64_t n = 0;
  for (const auto& t : all)
    if (t.name.starts_with(prefix)) n += t.bytes();
  return n;
}

std::map<std::string, int> by_dtype(const std::vector<V4Tensor>& all) {
  std::map<std::string, int> n;
  for (const auto& t : all) ++n[t.dtype];
  return n;
}

TEST(V4TensorsTest, FlashIsAsPublished) {
  const auto preview = list(v4_flash_config());
  EXPECT_EQ(preview.size(), 69'187u);
  EXPECT_EQ(bytes(preview), 159'609'485'896);
  EXPECT_EQ(
      by_dtype(preview),
      (std::map<std::string, int>{
          {"BF16", 433}, {"F32", 417}, {"F8_E4M3", 375}, {"F8_E8M0", 34167}, {"I64", 3}, {"I8", 33792}}));
  EXPECT_EQ(bytes(preview, "layers.0."), 3'566'148'952);
  EXPECT_EQ(bytes(preview, "layers.2."), 3'596'055'640);
  EXPECT_EQ(bytes(preview, "layers.4."), 3'589'851'224);
  EXPECT_EQ(bytes(preview, "layers.3."), 3'568'596'312);
  EXPECT_EQ(bytes(preview, "layers.4.attn."), 136'871'296);
  EXPECT_EQ(bytes(preview, "layers.4.attn.indexer."), 13'112'064);
  EXPECT_EQ(bytes(preview, "layers.4.ffn.experts.7."), 13'369'344);
  EXPECT_EQ(bytes(preview, "mtp.0."), 3'593'787'756);

  const auto later = list(v4_with_dspark(v4_flash_config(), 256));
  EXPECT_EQ(later.size(), 72'317u);
  EXPECT_EQ(bytes(later), 166'878'536'440);
  EXPECT_EQ(bytes(later, "mtp.0."), 3'610'287'448);
  EXPECT_EQ(bytes(later, "mtp.1."), 3'559'944'536);
  EXPECT_EQ(bytes(later, "mtp.2."), 3'692'606'316);
}

TEST(V4TensorsTest, ProIsAsPublished) {
  const auto preview = list(v4_pro_config());
  EXPECT_EQ(preview.size(), 145'116u);
  EXPECT_EQ(bytes(preview), 864'704'792'696);
  EXPECT_EQ(
      by_dtype(preview),
      (std::map<std::string, int>{
          {"BF16", 619}, {"F32", 590}, {"F8_E4M3", 528}, {"F8_E8M0", 71952}, {"I64", 3}, {"I8", 71424}}));
  EXPECT_EQ(bytes(preview, "layers.0."), 13'874'466'328);
  EXPECT_EQ(bytes(preview, "layers.2."), 13'909'746'200);
  EXPECT_EQ(bytes(preview, "layers.3."), 13'868'262'424);
  EXPECT_EQ(bytes(preview, "layers.4."), 13'903'542'296);
  EXPECT_EQ(bytes(preview, "layers.4.attn.compressor."), 29'377'536);
  EXPECT_EQ(bytes(preview, "mtp.0."), 13'956'587'692);

  const auto later = list(v4_with_dspark(v4_pro_config(), 512));
  EXPECT_EQ(later.size(), 149'782u);
  EXPECT_EQ(bytes(later), 892'727'580'904);
  EXPECT_EQ(bytes(later, "mtp.0."), 14'007'483'608);
  EXPECT_EQ(bytes(later, "mtp.1."), 13'853'319'192);
  EXPECT_EQ(bytes(later, "mtp.2."), 14'118'573'100);
}

TEST(V4TensorsTest, BaseModelsHaveFp8Experts) {
  Json base = v4_flash_config();
  base["expert_dtype"] = "fp8";
  const auto all = list(base);
  EXPECT_EQ(all.size(), 69'187u);
  const int64_t expert = 3 * (4096 * 2048 + 32 * 16);  // codes, and one scale per tile
  EXPECT_EQ(bytes(all, "layers.9.ffn.experts.255."), expert);
  EXPECT_EQ(bytes(all), bytes(list(v4_flash_config())) + 44 * 256 * (expert - 13'369'344));
}

// Records the requested names, as files would have them.
class Asked final : public Weights {
 public:
  std::set<std::string> names;

 private:
  std::optional<Entry> open(const std::string& name, const Shape& shape) override {
    names.insert(name);
    return Entry{name.ends_with("tid2eid") ? Format::i32 : Format::bf16, shape, {}};
  }
};

TEST(V4TensorsTest, TheModelAsksForTheTrunkAndNothingElse) {
  Asked asked;
  const auto model = architectures().at("deepseek_v4").make(v4_flash_config(), asked);
  ASSERT_TRUE(model) << model.error().message;
  std::set<std::string> listed;
  for (const auto& t : list(v4_flash_config()))
    if (!t.name.starts_with("mtp.") && !t.name.ends_with(".scale")) listed.insert(t.name);
  EXPECT_EQ(asked.names, listed);
}

}  // namespace
}  // namespace autark
