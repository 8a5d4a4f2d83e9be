// Goal: published checkpoints open, and broken ones give an error that names the fault. Method:
// small checkpoints made by hand, each with one peculiarity of real ones, or one fault; files
// damaged at every byte.
#include "weights/checkpoint.h"
#include <random>
#include "base/gguf_testing.h"
#include "base/memory_file.h"
#include "weights/testing.h"

namespace autark {
namespace {

constexpr const char* kConfig = R"({"model_type": "llama", "eos_token_id": [2, 3]})";

class CheckpointTest : public ::testing::Test {
 protected:
  std::string refusal(const std::string& file = "") {
    const auto c = open_checkpoint(file.empty() ? dir_.path() : dir_ / file);
    return c ? "" : c.error().message;
  }
  void says(const std::string& file, const std::string& what) {
    EXPECT_NE(refusal(file).find(what), std::string::npos) << refusal(file);
  }
  TestDirectory dir_;
};

float first(const Weight& w) {
  std::vector<float> row(w.cols());
  decode_row(w, 0, row);
  return row[0];
}

TEST_F(CheckpointTest, SafetensorsOfEveryDtype) {
  dir_.write("config.json", kConfig);
  dir_.write("generation_config.json", R"({"eos_token_id": 7})");
  SafetensorsBytes b;
  b.tensor("odd", "U8", {1}, "x");  // everything after it is misaligned
  b.tensor("f32", "F32", {1, 2}, raw<float>({1.5f, 2})).tensor("f16", "F16", {1, 1}, raw<uint16_t>({0x4000}));
  b.tensor("bf16", "BF16", {1, 1}, raw<uint16_t>({0xbf80})).tensor("f64", "F64", {1, 1}, raw<double>({0.25}));
  b.tensor("i64", "I64", {2}, raw<int64_t>({-5, 6}))
      .tensor("wide", "I64", {1}, raw<int64_t>({int64_t{1} << 40}));
  b.tensor("i32", "I32", {1}, raw<int32_t>({11})).tensor("i8", "I8", {2}, raw<int8_t>({-1, 1}));
  b.tensor("a.weight", "F8_E4M3", {2, 130}, std::string(260, 0x38))
      .tensor("a.scale", "F8_E8M0", {1, 2}, "\x80\x81");
  b.tensor("b.weight", "I8", {1, 32}, std::string(32, 0x22)).tensor("b.scale", "F8_E8M0", {1, 2}, "\x7f\x80");
  b.tensor("c.weight", "F8_E4M3", {1, 1}, "\x38");
  b.tensor("d", "F8_E5M2", {1, 1}, "x").tensor("deep", "F32", {1, 1, 1, 1, 1}, raw<float>({1}));
  for (int pad : {0, 1, 2, 3}) {
    dir_.write("model.safetensors", b.bytes(pad));
    auto c = open_checkpoint(dir_.path());
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ(c.value().architecture, "llama");
    EXPECT_EQ(c.value().end_tokens, (std::vector<int32_t>{7, 2, 3}));
    Weights& w = *c.value().weights;
    for (const char* name : {"f32", "f16", "bf16", "f64"}) {
      const Weight found = w.need(name, name == std::string("f32") ? Shape{1, 2} : Shape{1, 1});
      const uintptr_t size = found.format == Format::f32 ? 4 : 2;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(found.parts[0].codes) % size, 0u);
    }
    EXPECT_EQ(first(w.need("f32", {1, 2})), 1.5f);
    EXPECT_EQ(first(w.need("f16", {1, 1})), 2);
    EXPECT_EQ(first(w.need("bf16", {1, 1})), -1);
    EXPECT_EQ(first(w.need("f64", {1, 1})), 0.25f);
    EXPECT_EQ(reinterpret_cast<const int32_t*>(w.table("i64", {2}).parts[0].codes)[0], -5);
    EXPECT_EQ(reinterpret_cast<const int32_t*>(w.table("i32", {1}).parts[0].codes)[0], 11);
    EXPECT_EQ(reinterpret_cast<const int32_t*>(w.table("i8", {2}).parts[0].codes)[0], -1);
    const Weight fp8 = w.need("a.weight", {2, 130}), fp4 = w.need("b.weight", {1, 64});
    std::vector<float> row(130), nibbles(64);
    decode_row(fp8, 1, row);
    decode_row(fp4, 0, nibbles);
    EXPECT_EQ(row[127], 2);
    EXPECT_EQ(row[128], 4);
    EXPECT_EQ(nibbles[31], 1);
    EXPECT_EQ(nibbles[32], 2);
    EXPECT_FALSE(w.fault());
    w.table("wide", {1});
    w.need("c.weight", {1, 1});
    w.need("d", {1, 1});
    w.need("deep", {1});
    EXPECT_EQ(w.fault()->message,
              "weights: wide has a number beyond 32 bits; c.weight has no scales, c.weight_scale_inv as F32 "
              "[1, 1] is expected; d is stored as F8_E5M2, which is not supported; deep has an unusable "
              "shape; wrong "
              "checkpoint?");
  }
}

TEST_F(CheckpointTest, ScalesMustFitTheirMatrix) {
  dir_.write("config.json", kConfig);
  SafetensorsBytes b;
  const std::string codes(64, 0x38);
  b.tensor("shape.weight", "F8_E4M3", {1, 64}, codes).tensor("shape.scale", "F8_E8M0", {2, 1}, "zz");
  b.tensor("type.weight", "F8_E4M3", {1, 64}, codes).tensor("type.scale", "F32", {1, 1}, "zzzz");
  b.tensor("short.weight", "I8", {1, 64}, codes).tensor("short.scale", "F8_E8M0", {1, 2}, "zz");
  b.tensor("none.weight", "I8", {1, 64}, codes);
  b.tensor("uneven.weight", "I8", {1, 8}, "01234567").tensor("uneven.scale", "F8_E8M0", {1, 0}, "");
  b.tensor("list.weight", "F8_E4M3", {64}, codes);
  dir_.write("model.safetensors", b.bytes());
  auto c = open_checkpoint(dir_.path());
  ASSERT_TRUE(c) << c.error().message;
  Weights& w = *c.value().weights;
  w.need("shape.weight", {1, 64}), w.need("type.weight", {1, 64});
  for (const char* name : {"short.weight", "none.weight"}) w.need(name, {1, 128});
  w.need("uneven.weight", {1, 16}), w.need("list.weight", {64});
  EXPECT_EQ(w.fault()->message,
            "weights: shape.weight has scales F8_E8M0 [2, 1], shape.scale as F8_E8M0 [1, 1] is expected; "
            "type.weight has scales F32 [1, 1], type.scale as F8_E8M0 [1, 1] is expected; "
            "short.weight has scales F8_E8M0 [1, 2], short.scale as F8_E8M0 [1, 4] is expected; "
            "none.weight has no scales, none.scale as F8_E8M0 [1, 4] is expected; "
            "uneven.weight has scales F8_E8M0 [1, 0], uneven.scale as F8_E8M0 [1, 0] is expected; "
            "list.weight has scales but is not a matrix; wrong checkpoint?");
}

// DeepSeek-V4's scales are powers of two, those of all others are float32.
TEST_F(CheckpointTest, MissingScalesAreNamedAsTheFamilyNamesThem) {
  dir_.write("model.safetensors",
             SafetensorsBytes().tensor("a.weight", "F8_E4M3", {130, 1}, std::string(130, 0x38)).bytes());
  for (const auto& [architecture, scales] : {std::pair{"deepseek_v3", "a.weight_scale_inv as F32 [2, 1]"},
                                             {"kimi_k2", "a.weight_scale_inv as F32 [2, 1]"},
                                             {"minimax_m2", "a.weight_scale_inv as F32 [2, 1]"},
                                             {"deepseek_v4", "a.scale as F8_E8M0 [2, 1]"}}) {
    dir_.write("config.json", R"({"model_type": ")" + std::string(architecture) + "\"}");
    auto c = open_checkpoint(dir_.path());
    ASSERT_TRUE(c) << c.error().message;
    c->weights->need("a.weight", {130, 1});
    EXPECT_EQ(c->weights->fault()->message,
              "weights: a.weight has no scales, " + std::string(scales) + " is expected; wrong checkpoint?");
  }
}

// A matrix of codes is read only if it is known what the codes mean. Plain tensors of the same files are.
TEST_F(CheckpointTest, MatricesOfUnknownCodesAreNamed) {
  SafetensorsBytes b;
  const std::string zeros(64, 0);
  b.tensor("plain.weight", "F32", {1, 1}, raw<float>({1}));
  b.tensor("table", "I32", {1}, raw<int32_t>({1}));
  b.tensor("a.weight", "F8_E4M3", {64, 1}, zeros).tensor("a.weight_scale_inv", "F32", {1, 1}, "zzzz");
  b.tensor("b.weight", "I8", {1, 64}, zeros).tensor("b.weight_scale", "F32", {1, 1}, "zzzz");
  b.tensor("c.qweight", "I32", {1, 16}, zeros).tensor("c.bias", "F32", {1}, raw<float>({1}));
  b.tensor("d.bias", "F32", {1}, raw<float>({1}));
  dir_.write("model.safetensors", b.bytes());
  const auto fault = [&](const std::string& about, const std::vector<std::pair<const char*, Shape>>& asked) {
    dir_.write("config.json", R"({"model_type": "llama", "quantization_config": )" + about + "}");
    auto c = open_checkpoint(dir_.path());
    EXPECT_TRUE(c) << c.error().message;
    for (const auto& [name, shape] : asked) (void)c->weights->find(name, shape);
    const auto found = c->weights->fault();
    return found ? found->message : std::string();
  };
  const std::pair<const char*, Shape> a{"a.weight", {64, 1}}, in_i8{"b.weight", {1, 64}},
      c{"c.weight", {1, 16}};
  const std::string elsewhere =
      ", which is not supported; take a release in BF16, one in FP8 with blocks of 128 x 128, or a GGUF "
      "file; "
      "wrong checkpoint?";
  for (const auto& one : {a, in_i8, c}) {
    const std::string name = one.first;
    EXPECT_EQ(fault(R"({"quant_method": "compressed-tensors"})", {one}),
              "weights: " + name + " is quantised by 'compressed-tensors' with format null" + elsewhere);
    EXPECT_EQ(
        fault(R"({"bits": 4})", {one}),
        "weights: " + name + " is quantised by a method that quantization_config does not name" + elsewhere);
  }
  EXPECT_EQ(fault(R"({"quant_method": "fp8"})", {a, in_i8, c}),
            "weights: a.weight is quantised in FP8 without weight_block_size" + elsewhere)
      << "once";
  EXPECT_EQ(fault(R"({"quant_method": "fp8", "weight_block_size": [64, 128]})", {a}),
            "weights: a.weight is FP8 in blocks of 64 x 128, only 128 x 128 is supported; wrong checkpoint?");
  EXPECT_EQ(fault(R"({"quant_method": "fp8", "weight_block_size": [128, 128]})", {a}), "");
  EXPECT_EQ(fault(R"({"quant_method": "gptq"})", {{"plain.weight", {1, 1}}, {"d.weight", {1, 1}}}), "");
  for (const char* odd : {"7", "null", "{}"}) EXPECT_EQ(fault(odd, {a}), "") << odd;
  for (const char* blocks : {"[0, 128]", "[128]", "128", "[-1, 1]", "[1e30, 1]", R"(["a", 1])"})
    EXPECT_NE(fault(R"({"quant_method": "fp8", "weight_block_size": )" + std::string(blocks) + "}", {a})
                  .find("without weight_block_size"),
              std::string::npos)
        << blocks;
}

// A quantization_config as Kimi-K2-Thinking has it, with other values of `weights` and other keys.
std::string int4_config(const Json& weights = Json::object(), const Json& more = Json::object()) {
  Json w = {{"actorder", nullptr}, {"block_structure", nullptr}, {"dynamic", false},  {"group_size", 32},
            {"num_bits", 4},       {"strategy", "group"},        {"symmetric", true}, {"type", "int"}};
  w.update(weights);
  Json about = {{"quant_method", "compressed-tensors"},
                {"format", "pack-quantized"},
                {"kv_cache_scheme", nullptr},
                {"ignore", {"lm_head"}},
                {"config_groups",
                 {{"group_0", {{"targets", {"Linear"}}, {"input_activations", nullptr}, {"weights", w}}}}}};
  about.update(more);
  return dump_json({{"model_type", "llama"}, {"quantization_config", about}});
}

SafetensorsBytes& add_int4(SafetensorsBytes& b, const std::string& name, const std::vector<int64_t>& shape) {
  const std::string codes(shape[0] * shape[1] / 2, '\x88'), scales(shape[0] * shape[1] / 16, '\x3f');
  b.tensor(name + "_packed", "I32", {shape[0], shape[1] / 8}, codes);
  return b.tensor(name + "_scale", "BF16", {shape[0], shape[1] / 32}, scales);
}

TEST_F(CheckpointTest, Int4OfCompressedTensors) {
  dir_.write("config.json", int4_config());
  SafetensorsBytes b;
  b.tensor("plain.weight", "BF16", {1, 2}, raw<uint16_t>({0x3f80, 0x4000}));
  b.tensor("a.weight_packed", "I32", {1, 8},
           raw<uint32_t>({0xfedcba98, 0x76543210, 0, 0, 0x99999999, 0, 0, 0}));
  b.tensor("a.weight_scale", "BF16", {1, 2}, raw<uint16_t>({0x3f00, 0x4000}))
      .tensor("a.weight_shape", "I32", {2}, raw<int32_t>({1, 64}));
  add_int4(b, "b.weight", {3, 32}).tensor("b.weight_shape", "I64", {2}, raw<int64_t>({3, 32}));
  for (int pad : {0, 1, 3}) {
    dir_.write("model.safetensors", b.bytes(pad));
    auto c = open_checkpoint(dir_.path());
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ(c->parameters, 2 + 64 + 96);
    Weights& w = *c->weights;
    const Weight a = w.need("a.weight", {1, 64});
    EXPECT_EQ(a.format, Format::int4_b32);
    EXPECT_EQ(bytes_of(a), 32 + 4);
    std::vector<float> row(64);
    decode_row(a, 0, row);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(row[i], 0.5f * i) << i;
    for (int i = 0; i < 8; ++i) EXPECT_EQ(row[8 + i], 0.5f * (i - 8)) << i;
    EXPECT_EQ(row[32], 2);
    w.need("b.weight", {3, 32}), w.need("plain.weight", {1, 2});
    EXPECT_FALSE(w.fault()) << w.fault()->message;
    EXPECT_TRUE(w.unread().empty());
  }
}

TEST_F(CheckpointTest, Int4ThatIsDamagedIsNamed) {
  dir_.write("config.json", int4_config());
  const auto fault = [&](SafetensorsBytes b) {
    dir_.write("model.safetensors", b.bytes());
    auto c = open_checkpoint(dir_.path());
    EXPECT_TRUE(c) << c.error().message;
    (void)c->weights->need("a.weight", {2, 64});
    return c->weights->fault() ? c->weights->fault()->message : std::string("none");
  };
  const auto with = [](const std::vector<int64_t>& codes, const std::string& dtype,
                       const std::vector<int64_t>& sides) {
    SafetensorsBytes b;
    return add_int4(b, "a.weight", codes)
        .tensor("a.weight_shape", dtype, {2}, dtype == "I64" ? raw(sides) : std::string(8, 1));
  };
  EXPECT_EQ(fault(with({2, 64}, "I64", {2, 64})), "none");
  const std::pair<SafetensorsBytes, const char*> kBad[] = {
      {with({2, 64}, "I64", {2, 96}), "needs a.weight_packed as I32 [2, 12], which is I32 [2, 8]"},
      {with({2, 64}, "I64", {1, 64}), "needs a.weight_packed as I32 [1, 8], which is I32 [2, 8]"},
      {with({2, 64}, "I64", {int64_t{1} << 62, 64}), "needs a.weight_packed as I32 [4611686018427387904, 8]"},
      {with({2, 64}, "I64", {2, INT64_MIN}), "by its weight_shape, whole runs of 32 columns are expected"},
      {with({2, 64}, "I64", {0, 64}), "is [0, 64] by its weight_shape"},
      {with({2, 64}, "I64", {2, 40}), "is [2, 40] by its weight_shape, whole runs of 32"},
      {with({2, 64}, "F32", {}), "needs a.weight_shape as I64 [2], which is F32 [2]"},
      {with({4, 64}, "I64", {4, 64}), "a.weight is [4, 64], config says [2, 64]"},
      {with({2, 64}, "I64", {2, 64}).tensor("a.weight_zero_point", "I32", {1}, "zzzz"),
       "a.weight_zero_point, which is not supported"},
      {with({2, 64}, "I64", {2, 64}).tensor("a.weight_g_idx", "I32", {1}, "zzzz"),
       "a.weight_g_idx, which is not supported"}};
  for (const auto& [bytes, said] : kBad)
    EXPECT_NE(fault(bytes).find(said), std::string::npos) << fault(bytes);
  SafetensorsBytes bare, half, other;
  bare.tensor("a.weight_packed", "I32", {2, 8}, std::string(64, 0));
  EXPECT_NE(fault(bare).find("needs a.weight_shape as I64 [2], which is absent"), std::string::npos)
      << fault(bare);
  half.tensor("a.weight_shape", "I64", {2}, raw<int64_t>({2, 64}))
      .tensor("a.weight_packed", "I32", {2, 8}, std::string(64, 0));
  EXPECT_NE(fault(half).find("needs a.weight_scale as BF16 [2, 2], which is absent"), std::string::npos)
      << fault(half);
  half.tensor("a.weight_scale", "F16", {2, 2}, std::string(8, 0));
  EXPECT_NE(fault(half).find("as BF16 [2, 2], which is F16 [2, 2]"), std::string::npos) << fault(half);
  other.tensor("a.weight_scale", "BF16", {2, 2}, std::string(8, 0))
      .tensor("a.weight_shape", "I64", {2}, raw<int64_t>({2, 64}));
  EXPECT_NE(fault(other).find("a.weight is not in the checkpoint"), std::string::npos) << fault(other);
}

TEST_F(CheckpointTest, OtherCompressedTensorsAreRefusedByWhatDiffers) {
  SafetensorsBytes b;
  dir_.write(
      "model.safetensors",
      add_int4(b, "a.weight", {2, 64}).tensor("a.weight_shape", "I64", {2}, raw<int64_t>({2, 64})).bytes());
  const auto expect = [&](const std::string& config, const std::string& said) {
    dir_.write("config.json", config);
    auto c = open_checkpoint(dir_.path());
    ASSERT_TRUE(c) << c.error().message;
    c->weights->need("a.weight", {2, 64});
    ASSERT_TRUE(c->weights->fault()) << said;
    EXPECT_NE(c->weights->fault()->message.find("a.weight is quantised by 'compressed-tensors' with " + said +
                                                ", which"),
              std::string::npos)
        << c->weights->fault()->message;
  };
  const Json none = Json::object();
  for (const auto& [key, value] : {std::pair<const char*, Json>{"num_bits", 8},
                                   {"group_size", 128},
                                   {"group_size", nullptr},
                                   {"symmetric", false},
                                   {"actorder", "group"},
                                   {"type", "float"},
                                   {"strategy", "channel"},
                                   {"num_bits", "4"}})
    expect(int4_config({{key, value}}), key + (" " + dump_json(value)));
  for (const char* format : {"nvfp4-pack-quantized", "int-quantized", "mxfp4-pack-quantized"})
    expect(int4_config(none, {{"format", format}}), "format \"" + std::string(format) + "\"");
  expect(int4_config(none, {{"config_groups", none}}), "config_groups {}");
  expect(int4_config(none, {{"config_groups", {1}}}), "config_groups [1]");
  expect(int4_config(none, {{"config_groups", {{"g", 1}}}}), "num_bits null");
  expect(int4_config(none, {{"config_groups", ""}}), "config_groups \"\"");
  expect(int4_config(none, {{"config_groups", {{"g", {{"input_activations", {{"num_bits", 8}}}}}}}}),
         "input_activations {\"num_bits\":8}");
  expect(int4_config(none, {{"transform_config", {{"a", 1}}}}), "transform_config {\"a\":1}");
  expect(int4_config(none, {{"format", std::string(500, 'x')}}), "format \"" + std::string(39, 'x'));
}

TEST_F(CheckpointTest, BytesAndParametersAreCounted) {
  dir_.write("config.json", kConfig);
  SafetensorsBytes b;
  b.tensor("a.weight", "I8", {2, 16}, std::string(32, 0)).tensor("a.scale", "F8_E8M0", {2, 1}, "zz");
  b.tensor("b", "F16", {3}, "aabbcc");
  dir_.write("model.safetensors", b.bytes());
  const auto c = open_checkpoint(dir_ / "model.safetensors");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c.value().bytes, 32 + 2 + 6);
  EXPECT_EQ(c.value().parameters, 64 + 3);
  EXPECT_EQ(c.value().tensors.size(), 3u);
}

TEST_F(CheckpointTest, ShardsMustHoldWhatTheIndexSays) {
  const auto shard = [](const std::string& name) {
    return SafetensorsBytes().tensor(name, "F32", {1, 1}, raw<float>({1})).bytes();
  };
  const auto index = [&](const std::string& map) {
    dir_.write(
        "model.safetensors.index.json",
        R"({"metadata": {"total_size": 8, "more": [1, {"weight_map": 2}]}, "weight_map": {)" + map + "}}");
  };
  dir_.write("config.json", kConfig);
  dir_.write("one", shard("a"));
  dir_.write("two", shard("b"));
  index(R"("a": "one", "b": "two")");
  for (const char* file : {"", "model.safetensors.index.json"}) {
    auto c = open_checkpoint(file[0] ? dir_ / file : dir_.path());
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_TRUE(c.value().weights->find("b", {1, 1}));
  }
  dir_.write("model.safetensors", shard("whole"));  // merged from the shards later
  for (const char* file : {"", "model.safetensors", "model.safetensors.index.json"}) {
    auto c = open_checkpoint(file[0] ? dir_ / file : dir_.path());
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ(c.value().tensors[0].name, std::string(file).ends_with(".json") ? "a" : "whole");
  }
  std::filesystem::remove(dir_ / "model.safetensors");
  index(R"("a": "one", "b": "three")");
  says("", "names the file three, which is missing");
  index(R"("a": "one", "b": "one", "c": "two")");
  says("", R"(says that tensor "b" is in one, but it is in two)");
  index(R"("a": "one", "c": "two")");
  says("", R"(says that tensor "c" is in two, but it is in none of the files)");
  index(R"("a": "one", "a": "two")");
  says("", R"(names tensor "a" twice)");
  index(R"("a": "../one")");
  says("", "a file beside it is expected");
  index(R"("a": ["one"])");
  says("", "file names are expected");
  index(R"("a": {"weight_map": {"b": "one"}})");
  says("", "file names are expected");
  index("");
  says("", "has no weight_map");
  dir_.write("model.safetensors.index.json", "[");
  says("", "is not JSON at byte");
  dir_.write("model.safetensors.index.json", std::string(100000, '['));
  says("", "nested too deeply");
}

TEST_F(CheckpointTest, WhatIsMissingIsNamed) {
  says("nothing here", "there is no such model");
  says("", "there is no config.json; is the model a .gguf file in it?");
  dir_.write("config.json", kConfig);
  says("", "has neither model.safetensors nor model.safetensors.index.json");
  dir_.write("model.safetensors", SafetensorsBytes().bytes());
  EXPECT_EQ(refusal(), "");
  dir_.write("config.json", "{}");
  says("", "config.json: model_type is missing");
  dir_.write("config.json", "[]");
  says("", "config.json is not a JSON object");
  dir_.write("config.json", "{");
  says("", "is not JSON at byte");
}

TEST_F(CheckpointTest, F17_WhatIsNotNeededStopsNothing) {
  dir_.write("model.safetensors", SafetensorsBytes().bytes());
  dir_.write("config.json",
             R"({"model_type": "llama", "time_step_limit": [0.0, Infinity], "eos_token_id": 3})");
  for (const char* text : {"nonsense", "", "{\"eos_token_id\": [1", "[]", R"({"eos_token_id": NaN})",
                           R"({"eos_token_id": {"a": "</s>"}})"}) {
    dir_.write("generation_config.json", text);
    const auto c = open_checkpoint(dir_.path());
    ASSERT_TRUE(c) << text << ": " << c.error().message;
    EXPECT_EQ(c.value().end_tokens, (std::vector<int32_t>{3})) << text;
  }
  std::filesystem::remove(dir_ / "generation_config.json");
  std::filesystem::create_directory(dir_ / "generation_config.json");
  EXPECT_EQ(refusal(), "");
  dir_.write("config.json", R"({"model_type": "llama", "eos_token_id": 3)");
  says("", "config.json is not JSON at byte");
  says("", "get it again");
}

TEST_F(CheckpointTest, F05_FilesAreKnownByTheirContent) {
  GgufBytes b;
  b.key("general.architecture", "llama").tensor("token_embd.weight", 0, {3, 32}, std::string(384, 0));
  for (const std::string& name : {"sha256-" + std::string(64, 'a'), std::string("m.gguf?download=true"),
                                  std::string("M.GGUF"), std::string("a.safetensors.bin")}) {
    b.write(dir_ / name);
    const auto c = open_checkpoint(dir_ / name);
    ASSERT_TRUE(c) << name << ": " << c.error().message;
    EXPECT_EQ(c.value().kind, "gguf");
  }
  dir_.write("page.gguf", "<!doctype html><html></html>");
  says("page.gguf", "page.gguf: is an HTML page");
  dir_.write("pointer.gguf", "version https://git-lfs.github.com/spec/v1\n");
  says("pointer.gguf", "Git LFS pointer");
  dir_.write("empty.gguf", "");
  says("empty.gguf", "is empty");
  dir_.write("bare.safetensors", SafetensorsBytes().bytes());
  says("bare.safetensors", "give the folder that has its config.json");
}

TEST_F(CheckpointTest, F20_ANulIsNoJson) {
  const std::string behind("\0{", 2);
  dir_.write("config.json", kConfig + behind);
  says("", "config.json is not JSON at byte");
  dir_.write("config.json", kConfig);
  dir_.write("model.safetensors.index.json", "{\"weight_map\": {}}" + behind);
  says("", "model.safetensors.index.json: is not JSON at byte");
}

TEST_F(CheckpointTest, TheTextPartOfAMultimodalGemmaIsFound) {
  dir_.write("config.json",
             R"({"model_type": "gemma3", "eos_token_id": [1, 106], "vision_config": {"hidden_size": 9},
      "text_config": {"model_type": "gemma3_text", "hidden_size": 4, "sliding_window": 8,
      "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
                          "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0}}}})");
  for (const char* prefix : {"language_model.model.", "model.language_model.", "model."}) {
    SafetensorsBytes b;
    b.tensor(std::string(prefix) + "norm.weight", "F32", {4}, raw<float>({1, 2, 3, 4}));
    b.tensor("vision_tower.patch.weight", "F32", {1, 1, 1, 1, 1}, raw<float>({1}));
    dir_.write("model.safetensors", b.bytes());
    auto c = open_checkpoint(dir_.path());
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ(c.value().architecture, "gemma3");
    EXPECT_TRUE(c.value().weights->find("model.norm.weight", {4}));
    EXPECT_EQ(c.value().end_tokens, (std::vector<int32_t>{1, 106}));
    const Json& j = c.value().config;
    EXPECT_EQ(j["hidden_size"], 4);
    EXPECT_EQ(j["head_dim"], 256);
    EXPECT_EQ(j["vocab_size"], 262208);
    EXPECT_EQ(j["num_hidden_layers"], 26);
    EXPECT_EQ(j["rope_parameters"]["full_attention"]["rope_type"], "linear");
  }
}

// --- GGUF -------------------------------------------------------------------------------------------------

GgufBytes llama() {
  GgufBytes b;
  b.key("general.architecture", "llama").key("llama.block_count", 1u).key("llama.embedding_length", 32u);
  b.key("llama.attention.head_count", 4u)
      .array<int32_t>("llama.attention.head_count_kv", Gguf::Type::i32, {2, 2});
  b.key("llama.rope.freq_base", 5e5f)
      .key("tokenizer.ggml.eos_token_id", 9u)
      .key("tokenizer.ggml.eot_token_id", 1u);
  b.key("tokenizer.ggml.tokens", std::vector<std::string>{"a", "<|im_end|>", "<|eot_id|>"});
  return b;
}

TEST_F(CheckpointTest, GgufKeysInTheWordsOfConfigJson) {
  llama().tensor("token_embd.weight", 0, {3, 32}, std::string(384, 0)).write(dir_ / "m.gguf");
  const auto c = open_checkpoint(dir_ / "m.gguf");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c.value().kind, "gguf");
  EXPECT_EQ(c.value().end_tokens, (std::vector<int32_t>{9, 1}));
  EXPECT_EQ(c.value().parameters, 96);
  EXPECT_EQ(c.value().bytes, 384);
  EXPECT_EQ(dump_json(c.value().config),
            R"({"model_type":"llama","num_hidden_layers":1,"hidden_size":32,"num_attention_heads":4,)"
            R"("num_key_value_heads":2,"vocab_size":3,"tie_word_embeddings":true,)"
            R"("rope_theta":500000.0,"autark":{"rope_pairing":"neighbours"}})");
}

TEST_F(CheckpointTest, GgufRopeScalings) {
  const auto scaling = [&](GgufBytes b) {
    b.write(dir_ / "m.gguf");
    return open_checkpoint(dir_ / "m.gguf").value().config.value("rope_scaling", Json());
  };
  EXPECT_EQ(scaling(llama()), Json());
  EXPECT_EQ(scaling(llama().key("llama.rope.scaling.type", "none")), Json());
  const auto yarn = [] {
    return llama()
        .key("llama.rope.scaling.type", "yarn")
        .key("llama.rope.scaling.factor", 4.f)
        .key("llama.rope.scaling.original_context_length", 64u);
  };
  EXPECT_EQ(dump_json(scaling(yarn())),
            R"({"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":64})");
  EXPECT_NEAR(scaling(yarn().key("llama.rope.scaling.attn_factor", 0.5f))["attention_factor"].get<double>(),
              0.5 * (0.1 * std::log(4.0) + 1), 1e-12);
  EXPECT_EQ(dump_json(scaling(llama().key("llama.rope.scale_linear", 2.f))),
            R"({"rope_type":"linear","factor":2.0})");
}

TEST_F(CheckpointTest, ArchitecturesThatCallThemselvesOtherwise) {
  const auto opened = [&](GgufBytes b) {
    b.write(dir_ / "m.gguf");
    return *open_checkpoint(dir_ / "m.gguf");
  };
  EXPECT_EQ(opened(llama().key("llama.expert_count", 8u)).architecture, "mixtral");
  GgufBytes other;
  other.key("general.architecture", "mamba").tensor("blk.0.ssm_a", 0, {1}, "aaaa");
  const Checkpoint unknown = opened(other);
  EXPECT_EQ(unknown.architecture, "mamba");
  EXPECT_EQ(unknown.tensors.at(0).name, "blk.0.ssm_a");
  GgufBytes largest;
  largest.key("general.architecture", "gemma3")
      .key("gemma3.block_count", 62u)
      .key("gemma3.embedding_length", 5376u);
  largest.key("gemma3.attention.head_count", 32u).key("gemma3.attention.key_length", 128u);
  EXPECT_EQ(opened(largest).config["query_pre_attn_scalar"], 168);
}

TEST_F(CheckpointTest, GgufTensorsOfEveryPlainType) {
  GgufBytes b = llama();
  b.tensor("i8", 24, {2}, raw<int8_t>({-3, 4})).tensor("i16", 25, {1}, raw<int16_t>({-300}));
  b.tensor("i32", 26, {1}, raw<int32_t>({1 << 20})).tensor("i64", 27, {1}, raw<int64_t>({-9}));
  b.tensor("f64", 28, {1, 1}, raw<double>({0.5})).tensor("bf16", 30, {1, 1}, raw<uint16_t>({0x3f80}));
  b.tensor("iq", 20, {1, 32}, std::string(18, 0)).tensor("rope_freqs.weight", 0, {1}, raw<float>({8}));
  b.tensor("blk.7.ffn_up.weight", 8, {1, 32}, std::string(34, 0));
  b.write(dir_ / "m.gguf");
  auto c = open_checkpoint(dir_ / "m.gguf");
  ASSERT_TRUE(c) << c.error().message;
  Weights& w = *c.value().weights;
  const auto number = [&](const char* name, int64_t n) {
    return *reinterpret_cast<const int32_t*>(w.table(name, {n}).parts[0].codes);
  };
  EXPECT_EQ(number("i8", 2), -3);
  EXPECT_EQ(number("i16", 1), -300);
  EXPECT_EQ(number("i32", 1), 1 << 20);
  EXPECT_EQ(number("i64", 1), -9);
  EXPECT_EQ(first(w.need("f64", {1, 1})), 0.5f);
  EXPECT_EQ(first(w.need("bf16", {1, 1})), 1);
  EXPECT_EQ(w.vector("rope_freqs.weight", {1})[0], 8);
  EXPECT_EQ(w.need("model.layers.7.mlp.up_proj.weight", {1, 32}).format, Format::q8_0);
  EXPECT_FALSE(w.fault());
  w.need("iq", {1, 32});
  EXPECT_NE(w.fault()->message.find("iq is stored as IQ4_NL, which is not supported"), std::string::npos);
}

TEST_F(CheckpointTest, GgufTensorsThatCannotBeAreNamed) {
  const auto refused = [&](const GgufBytes& b, const std::string& what) {
    b.write(dir_ / "m.gguf");
    says("m.gguf", what);
  };
  refused(GgufBytes().key("a", "b"), "key 'general.architecture' is missing");
  refused(llama().tensor("x", 99, {1}, "aaaa"), R"(tensor "x" has the unknown type 99)");
  refused(llama().tensor("x", 8, {2, 33}, std::string(99, 0)),
          R"(tensor "x" has a shape that Q8_0 cannot store)");
  refused(llama().tensor("x", 0, {1, 9}, "aaaa"), R"(tensor "x" needs 36 bytes, the file has 32)");
  refused(llama().tensor("x", 0, {int64_t{1} << 61, 2}, "aaaa"),
          R"(tensor "x" has a shape that F32 cannot store)");
  refused(llama().tensor("output_norm.weight", 0, {1}, "aaaa").tensor("model.norm.weight", 0, {1}, "aaaa"),
          "which another tensor is too");
}

TEST_F(CheckpointTest, DamagedFilesNeverDoHarm) {
  GgufBytes g = llama();
  g.tensor("token_embd.weight", 8, {3, 32}, std::string(102, 1));
  g.tensor("blk.0.ffn_gate_exps.weight", 0, {2, 2, 2}, std::string(32, 0));
  const std::string whole = g.bytes();
  std::mt19937 gen(5);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bad = whole;
    bad[at] ^= static_cast<char>(1 << gen() % 8);
    const MemoryFile file(bad);
    auto c = open_checkpoint(file.path());
    if (!c) continue;
    Weights& w = *c.value().weights;
    for (const auto& t : c.value().tensors) {
      Shape s;
      for (int64_t d : t.shape) s.d[s.rank++] = d;
      if (s.rank == 3 && t.name.find('*') == t.name.npos) continue;
      const auto found = w.find(t.name, s);
      if (!found || s.rank != 2 || found->parts.empty() || !found->parts[0].codes) continue;
      std::vector<float> row(found->cols());
      decode_row(*found, found->rows() - 1, row);
    }
  }
}

TEST_F(CheckpointTest, AFileOfFiveGigabytesIsNotRead) {
  const int64_t rows = int64_t{5} << 20, bytes = rows * 1024;
  const SafetensorsBytes b = SafetensorsBytes().entry("w", "BF16", {rows, 512}, 0, bytes);
  dir_.write("config.json", kConfig);
  dir_.write("model.safetensors", b.bytes());
  std::filesystem::resize_file(dir_ / "model.safetensors", b.bytes().size() + bytes);
  auto c = open_checkpoint(dir_.path());
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c.value().bytes, bytes);
  EXPECT_EQ(first(c.value().weights->need("w", {rows, 512})), 0);
  std::filesystem::remove(dir_ / "model.safetensors");

  GgufBytes g = llama();
  g.tensor("token_embd.weight", 30, {rows, 512}, "zz");
  g.write(dir_ / "m.gguf");
  std::filesystem::resize_file(dir_ / "m.gguf", g.bytes().size() + bytes);
  auto d = open_checkpoint(dir_ / "m.gguf");
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d.value().bytes, bytes);
}

class F11_Checkpoint : public CheckpointTest {};

TEST_F(F11_Checkpoint, SaysThatAShardChanged) {
  const auto shard = [](const char* name) {
    return SafetensorsBytes().tensor(name, "F32", {1, 64}, std::string(256, 'x')).bytes();
  };
  dir_.write("config.json", kConfig);
  dir_.write("1.safetensors", shard("a"));
  dir_.write("2.safetensors", shard("b"));
  dir_.write("model.safetensors.index.json",
             R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})");
  const auto c = open_checkpoint(dir_.path());
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_FALSE(c->weights->change());
  std::filesystem::resize_file(dir_ / "2.safetensors", 20);
  EXPECT_FLOAT_EQ(first(c->weights->need("a", {1, 64})), first(c->weights->need("a", {1, 64})));
  ASSERT_TRUE(c->weights->change());
  EXPECT_NE(c->weights->change()->message.find("'2.safetensors'"), std::string::npos);
}

TEST_F(F11_Checkpoint, SaysThatAGgufFileChanged) {
  GgufBytes()
      .key("general.architecture", "llama")
      .tensor("blk.0.attn_norm.weight", 0, {2048}, std::string(8192, 'x'))
      .write(dir_ / "m.gguf");
  auto c = open_checkpoint(dir_ / "m.gguf");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_FALSE(c->weights->change());
  std::filesystem::resize_file(dir_ / "m.gguf", 100);
  const Vector v = c->weights->vector("model.layers.0.input_layernorm.weight", {2048});
  EXPECT_EQ(v[2047], 0);
  ASSERT_TRUE(c->weights->change());
  EXPECT_EQ(c->weights->change()->code, Code::io);
}

// gpt-oss has the biases of all experts in one tensor, those of gate and up in turn.
TEST_F(CheckpointTest, BiasesOfFusedExpertsInEveryPlainFormat) {
  const std::string at = "model.layers.0.mlp.experts.";
  const std::pair<const char*, std::string> stored[] = {
      {"F32", raw<float>({1, 2, 3, 4})},
      {"F16", raw<uint16_t>({0x3c00, 0x4000, 0x4200, 0x4400})},
      {"BF16", raw<uint16_t>({0x3f80, 0x4000, 0x4040, 0x4080})}};
  dir_.write("config.json", R"({"model_type": "gpt_oss"})");
  for (const auto& [dtype, bytes] : stored) {
    SafetensorsBytes b;
    b.tensor(at + "gate_up_proj_bias", dtype, {1, 4}, bytes)
        .tensor(at + "down_proj_bias", dtype, {1, 4}, bytes);
    dir_.write("model.safetensors", b.bytes());
    auto c = open_checkpoint(dir_.path());
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ(c->weights->unread().size(), 2u);
    const Vector gate = c->weights->vector(at + "gate_proj.bias", {1, 2}),
                 up = c->weights->vector(at + "up_proj.bias", {1, 2}),
                 down = c->weights->vector(at + "down_proj.bias", {1, 4});
    ASSERT_FALSE(c->weights->fault()) << c->weights->fault()->message;
    EXPECT_EQ((std::vector{gate[0], gate[1], up[0], up[1], down[3]}), (std::vector{1.f, 3.f, 2.f, 4.f, 4.f}))
        << dtype;
    EXPECT_TRUE(c->weights->unread().empty());
  }
}

// What was asked for counts as read, with the scales that belong to it; a part of a stack counts as the stack.
TEST_F(CheckpointTest, TensorsThatNothingAskedFor) {
  dir_.write("config.json", kConfig);
  dir_.write("model.safetensors", SafetensorsBytes()
                                      .tensor("a.weight", "F8_E4M3", {1, 4}, "\x38\x38\x38\x38")
                                      .tensor("a.scale", "F8_E8M0", {1, 1}, "\x7f")
                                      .tensor("b.weight", "F8_E4M3", {1, 4}, "\x38\x38\x38\x38")
                                      .tensor("b.weight_scale_inv", "F32", {1, 1}, raw<float>({1}))
                                      .tensor("c", "F32", {1}, raw<float>({1}))
                                      .bytes());
  auto c = open_checkpoint(dir_.path());
  ASSERT_TRUE(c) << c.error().message;
  using Names = std::vector<std::string>;
  EXPECT_EQ(c->weights->unread(), (Names{"a.scale", "a.weight", "b.weight", "b.weight_scale_inv", "c"}));
  c->weights->need("a.weight", {1, 4}), c->weights->need("b.weight", {1, 4});
  EXPECT_EQ(c->weights->unread(), Names{"c"});
  GgufBytes()
      .key("general.architecture", "qwen3moe")
      .tensor("blk.0.ffn_up_exps.weight", 1, {3, 4, 2}, std::string(48, 0))
      .tensor("blk.0.attn_norm.weight", 0, {2}, std::string(8, 0))
      .write(dir_ / "m.gguf");
  auto g = open_checkpoint(dir_ / "m.gguf");
  ASSERT_TRUE(g) << g.error().message;
  g->weights->need("model.layers.0.mlp.experts.*.up_proj.weight", {3, 4, 2});
  EXPECT_EQ(g->weights->unread(), Names{"model.layers.0.input_layernorm.weight"});
}

// Three experts in the ways in which files store them. A config with three of them is right; one with two or four
// is named, with the expert.
TEST_F(CheckpointTest, MoreOrFewerExpertsThanTheConfigSays) {
  const std::string at = "model.layers.0.mlp.experts.", zeros(3 * 8 * 64, 0);
  const auto check = [&](const std::filesystem::path& path, const std::string& name, Shape shape) {
    for (const int64_t experts : {3, 2, 4}) {
      auto c = open_checkpoint(path);
      ASSERT_TRUE(c) << c.error().message;
      shape.d[0] = experts;
      c->weights->need(name, shape);
      const auto fault = c->weights->fault();
      EXPECT_EQ(fault.has_value(), experts != 3) << path << " " << experts;
      const std::string expert = std::string(name).replace(name.find('*'), 1, experts == 2 ? "2" : "3");
      const std::string what = experts == 2 ? " is there, config says that there are 2" : " is not in ";
      if (!fault) continue;
      EXPECT_NE(fault->message.find(expert + what), std::string::npos) << fault->message;
    }
  };
  dir_.write("config.json", kConfig);
  SafetensorsBytes single;
  for (const char* e : {"0", "1", "2"})
    single.tensor(at + e + ".up_proj.weight", "F16", {4, 2}, zeros.substr(0, 16));
  dir_.write("model.safetensors", single.bytes());
  check(dir_.path(), at + "*.up_proj.weight", {3, 4, 2});
  dir_.write("model.safetensors",
             SafetensorsBytes().tensor(at + "gate_up_proj", "BF16", {3, 8, 2}, zeros.substr(0, 96)).bytes());
  check(dir_.path(), at + "*.up_proj.weight", {3, 4, 2});
  dir_.write("config.json", R"({"model_type": "gpt_oss"})");
  dir_.write("model.safetensors",
             SafetensorsBytes()
                 .tensor(at + "gate_up_proj_blocks", "U8", {3, 8, 2, 16}, zeros.substr(0, 768))
                 .tensor(at + "gate_up_proj_scales", "U8", {3, 8, 2}, zeros.substr(0, 48))
                 .bytes());
  check(dir_.path(), at + "*.up_proj.weight", {3, 4, 64});
  GgufBytes()
      .key("general.architecture", "qwen3moe")
      .tensor("blk.0.ffn_up_exps.weight", 1, {3, 4, 2}, zeros.substr(0, 48))
      .write(dir_ / "stack.gguf");
  check(dir_ / "stack.gguf", at + "*.up_proj.weight", {3, 4, 2});
}

}  // namespace
}  // namespace autark
