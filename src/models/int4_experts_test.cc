// Goal: a model whose experts are INT4 (Kimi K2 Thinking, K2.5) computes what the same model with these values in
// float32 computes, bit for bit. Method: tiny checkpoints in both forms, under both names of the family.
#include <cstring>
#include "chips/registry.h"
#include "models/architecture.h"
#include "models/families_testing.h"
#include "models/testing.h"
#include "tensor/int4.h"
#include "weights/checkpoint.h"
#include "weights/testing.h"

namespace autark {
namespace {

const Json kWeights = {
    {"num_bits", 4}, {"type", "int"}, {"symmetric", true}, {"strategy", "group"}, {"group_size", 32}};
const Json kInt4 = {{"quant_method", "compressed-tensors"},
                    {"format", "pack-quantized"},
                    {"config_groups", {{"group_0", {{"weights", kWeights}}}}}};

Json config() {
  Json j = tiny("kimi_k2");
  j.update({{"hidden_size", 64}, {"moe_intermediate_size", 32}, {"model_type", "kimi_k2"}});
  return j;
}

bool is_routed(const std::string& name) {
  return name.find(".experts.") != name.npos;
}

// Adds a routed expert's matrix as INT4 and rounds x to what that holds.
void add_int4(SafetensorsBytes& b, const std::string& name, const std::vector<int64_t>& shape,
              std::vector<float>& x) {
  std::string codes(x.size() / 2, 0);
  std::vector<uint16_t> scales;
  for (size_t i = 0; i < x.size(); i += 32) {
    auto* q = reinterpret_cast<uint8_t*>(&codes[i / 2]);
    scales.push_back(encode_int4(&x[i], q));
    decode_int4(q, scales.back(), &x[i]);
  }
  b.tensor(name + "_packed", "I32", {shape[0], shape[1] / 8}, codes);
  b.tensor(name + "_scale", "BF16", {shape[0], shape[1] / 32}, raw(scales));
  b.tensor(name + "_shape", "I32", {2}, raw<int32_t>({int32_t(shape[0]), int32_t(shape[1])}));
}

// The files of one model: with experts in INT4 and in F32.
struct Files {
  explicit Files(const std::string& prefix) {
    AllBut asked("");
    EXPECT_EQ(fault_of("kimi_k2", config(), asked), "");
    for (const auto& [name, shape] : asked.asked) {
      std::vector<float> x(shape.numel());
      random_tensor(name, shape, x);
      const std::vector<int64_t> dims(shape.d.begin(), shape.d.begin() + shape.rank);
      if (is_routed(name))
        add_int4(packed, prefix + name, dims, x);
      else
        packed.tensor(prefix + name, "F32", dims, raw(x));
      plain.tensor(prefix + name, "F32", dims, raw(x));
    }
  }
  SafetensorsBytes packed, plain;
};

TinyEngine::Matrix logits(const TestDirectory& dir, const char* chip, Format experts) {
  auto c = open_checkpoint(dir.path());
  if (!c) return ADD_FAILURE() << c.error().message, TinyEngine::Matrix();
  const auto model = bind(*c);
  if (!model) return ADD_FAILURE() << model.error().message, TinyEngine::Matrix();
  EXPECT_EQ(c->weights->need("model.layers.1.mlp.experts.3.down_proj.weight", {64, 32}).format, experts);
  const auto on = std::move(*make_chip(chip, {.inputs = Rounding::Inputs::f32, .threads = 2}));
  return TinyEngine(**model, *on).feed({1, 2, 3, 5, 8, 13, 21, 34, 55});
}

TEST(Int4ExpertsTest, AreTheirValuesOnEveryChip) {
  for (const bool multimodal : {false, true}) {
    const TestDirectory dir;
    Json text = config(), whole = text;
    if (multimodal)
      whole = {{"model_type", "kimi_k25"}, {"eos_token_id", 3}, {"vision_config", Json::object()}};
    Files files(multimodal ? "language_model." : "");
    for (SafetensorsBytes* b : {&files.packed, &files.plain})
      if (multimodal)
        b->tensor("vision_tower.patch_embed.weight", "BF16", {1}, "zz")
            .tensor("mm_projector.proj.0.weight", "BF16", {1}, "zz");
    TinyEngine::Matrix want;
    for (const char* chip : {"ref", "far", "cpu"}) {
      (multimodal ? whole["text_config"] : whole) = text;
      dir.write("config.json", dump_json(whole));
      dir.write("model.safetensors", files.plain.bytes());
      const auto plain = logits(dir, chip, Format::f32);
      (multimodal ? whole["text_config"] : whole)["quantization_config"] = kInt4;
      dir.write("config.json", dump_json(whole));
      dir.write("model.safetensors", files.packed.bytes());
      EXPECT_EQ(logits(dir, chip, Format::int4_b32), plain) << chip;
      EXPECT_EQ(plain.size(), 9u);
    }
  }
}

}  // namespace
}  // namespace autark
