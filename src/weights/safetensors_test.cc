// Goal: a safetensors file is read as written, and a broken one causes an error that names the tensor, and
// nothing worse. Method: files made by hand; every truncation, every flipped bit, false offsets.
#include "weights/safetensors.h"
#include <random>
#include "base/memory_file.h"
#include "weights/testing.h"

namespace autark {
namespace {

class SafetensorsTest : public ::testing::Test {
 protected:
  Result<Safetensors> open(const std::string& bytes) {
    const MemoryFile file(bytes);
    return Safetensors::open(file.path());
  }
  std::string refusal(const SafetensorsBytes& b) {
    const auto f = open(b.bytes());
    return f ? "" : f.error().message;
  }
  TestDirectory dir_;
};

SafetensorsBytes sample() {
  SafetensorsBytes b;
  b.field(R"("__metadata__":{"format":"pt"})");
  b.tensor("one", "F32", {2, 3}, raw<float>({1, 2, 3, 4, 5, 6}));
  b.tensor("two", "I64", {2}, raw<int64_t>({-7, 8}));
  b.tensor("scalar", "BF16", {}, raw<uint16_t>({0x3f80}));
  b.tensor("empty", "F16", {0, 4}, "");
  return b;
}

TEST_F(SafetensorsTest, GivesBackWhatWasWritten) {
  std::vector<float> x{1.5f, -2, 0, 4};
  std::vector<int32_t> n{7, -8, 9};
  const std::vector<NamedTensor> tensors{{"layers.0", {x.data(), Format::f32, {2, 2}}},
                                         {"tokens", {n.data(), Format::i32, {3}}}};
  ASSERT_FALSE(write_safetensors(dir_ / "out.safetensors", tensors));
  const auto f = Safetensors::open(dir_ / "out.safetensors");
  ASSERT_TRUE(f) << f.error().message;
  EXPECT_EQ(*f.value().floats("layers.0"), x);
  EXPECT_EQ(*f.value().ints("tokens"), (std::vector<int64_t>{7, -8, 9}));
  EXPECT_EQ(f.value().tensors().at("layers.0").shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(f.value().tensors().at("layers.0").offset % 8, 0u);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "out.safetensors.part"));
  EXPECT_TRUE(write_safetensors(dir_ / "no such directory" / "out.safetensors", tensors));
  EXPECT_FALSE(write_safetensors("/dev/null", tensors));
  const auto full = write_safetensors("/dev/full", tensors);
  ASSERT_TRUE(full);
  EXPECT_NE(full->message.find("No space left"), std::string::npos) << full->message;
}

TEST_F(SafetensorsTest, EveryDtypeIsRead) {
  SafetensorsBytes b;
  b.tensor("f64", "F64", {1}, raw<double>({0.5})).tensor("f16", "F16", {1}, raw<uint16_t>({0xc000}));
  b.tensor("i8", "I8", {2}, raw<int8_t>({-1, 2})).tensor("u8", "U8", {1}, raw<uint8_t>({255}));
  b.tensor("i16", "I16", {1}, raw<int16_t>({-300})).tensor("bool", "BOOL", {1}, raw<uint8_t>({1}));
  b.tensor("later", "F6_E9", {5}, "four");
  const auto f = open(b.bytes());
  ASSERT_TRUE(f) << f.error().message;
  EXPECT_EQ(*f.value().floats("f64"), std::vector<float>{0.5f});
  EXPECT_EQ(*f.value().floats("f16"), std::vector<float>{-2});
  EXPECT_EQ(*f.value().ints("i8"), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(*f.value().ints("u8"), std::vector<int64_t>{255});
  EXPECT_EQ(*f.value().ints("i16"), std::vector<int64_t>{-300});
  EXPECT_EQ(f.value().floats("later").error().code, Code::unsupported);
  EXPECT_EQ(f.value().ints("f64").error().code, Code::unsupported);
  EXPECT_EQ(f.value().floats("absent").error().code, Code::not_found);
}

TEST_F(SafetensorsTest, EveryTruncationIsAnError) {
  const std::string whole = sample().bytes();
  ASSERT_TRUE(open(whole));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(open(whole.substr(0, n))) << n;
}

TEST_F(SafetensorsTest, FlippedBitsNeverDoHarm) {
  const std::string whole = sample().bytes();
  std::mt19937 gen(9);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bad = whole;
    bad[at] ^= static_cast<char>(1 << gen() % 8);
    const auto f = open(bad);
    if (!f) continue;
    for (const auto& [name, e] : f.value().tensors()) ASSERT_EQ(f.value().bytes(e).size(), e.bytes);
  }
}

TEST_F(SafetensorsTest, RefusalsNameTheTensor) {
  const auto says = [&](const SafetensorsBytes& b, const std::string& what) {
    EXPECT_NE(refusal(b).find(what), std::string::npos) << refusal(b);
  };
  const auto with = [](const std::string& json) { return sample().field(json); };
  says(sample().entry("far", "F32", {2}, 40, 48),
       R"(tensor "far" ends at byte 48 of the data, which has 42)");
  says(sample().entry("wrap", "U8", {1}, ~uint64_t{0} - 1, ~uint64_t{0}), R"(tensor "wrap" ends)");
  says(sample().entry("thin", "F32", {3}, 0, 8), R"(tensor "thin" is F32 [3], which does not take 8 bytes)");
  says(sample().entry("huge", "F32", {int64_t{1} << 61, int64_t{1} << 61}, 0, 8), R"(tensor "huge" is F32)");
  says(sample().entry("back", "F32", {1}, 8, 4), R"(tensor "back" needs a dtype)");
  says(sample().entry("two", "F32", {1}, 0, 4), R"(tensor "two" is there twice)");
  says(sample().entry("over", "F32", {1}, 4, 8), R"(overlap)");
  says(with(R"("x":{"dtype":"F32","shape":[1]})"), R"(tensor "x" needs a dtype, a shape and data_offsets)");
  says(with(R"("x":{"dtype":"F32","dtype":"F32"})"), R"(tensor "x" has the field "dtype" twice)");
  says(with(R"("x":{"what":1})"), R"(tensor "x" has the field "what", which is unknown)");
  says(with(R"("x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"),
       R"(tensor "x" has a negative number)");
  says(with(R"("x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]})"), R"(tensor "x" has a fraction)");
  says(with(R"("x":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]})"), R"(tensor "x" has a list)");
  says(with(R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]})"), R"(tensor "x" has a number)");
  says(with(R"("x":[1])"), R"(tensor "x" has a list)");
  says(with(R"("x)"), "not JSON at byte");
  EXPECT_NE(open("PK\3\4aaaaaaaa").error().message.find("claims a header of"), std::string::npos);
  EXPECT_NE(open("").error().message.find("has 0 bytes"), std::string::npos);
  EXPECT_NE(open(std::string(8, '\0')).error().message.find("not JSON"), std::string::npos);
  EXPECT_EQ(Safetensors::open(dir_ / "absent").error().code, Code::not_found);
}

// A header may be padded with spaces; a NUL does not end it.
TEST_F(SafetensorsTest, F20_ANulInTheHeaderIsNoJson) {
  EXPECT_TRUE(open(std::string("\3\0\0\0\0\0\0\0{} ", 11)));
  for (const std::string& header : {std::string("{}\0", 3), std::string("{}\0{\"", 5)}) {
    const auto f = open(std::string(1, char(header.size())) + std::string(7, '\0') + header);
    ASSERT_FALSE(f);
    EXPECT_NE(f.error().message.find("is not JSON at byte 3"), std::string::npos) << f.error().message;
  }
}

TEST_F(SafetensorsTest, ManyTensorsAndNestingAreFollowedOnce) {
  SafetensorsBytes b;
  std::string names;
  for (int i = 0; i < 60000; ++i)
    names += (i ? ",\"n" : "\"n") + std::to_string(i) +
             "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  const auto f = open(b.field(names).bytes());
  ASSERT_TRUE(f) << f.error().message;
  EXPECT_EQ(f.value().tensors().size(), 60000u);
  EXPECT_FALSE(open(SafetensorsBytes().field("\"x\":" + std::string(1 << 20, '[')).bytes()));
}

}  // namespace
}  // namespace autark
