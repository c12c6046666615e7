// Fuzz target: CIFAR's binary files and lists of names, plain or gzip. The first byte chooses which.
#include "data/cifar.h"

#include "core/error.h"
#include "tests/fuzz/pack.h"

namespace tarn::fuzz {

namespace {

void read_form(std::string_view bytes, const CifarForm& form) {
  Input in = Input::memory(bytes, "input");
  CifarRecords records;
  read_cifar(in, form, records);
  require(records.pixels.size() == records.labels.size() * 3072, "a picture has 3072 bytes");
  for (const int64_t label : records.labels) require(label >= 0 && label < form.classes, "a label is a class");
}

void read_names(std::string_view bytes) {
  Input in = Input::memory(bytes, "input");
  require(read_cifar_names(in, 10).size() == 10, "there are as many names as expected");
}

void run_cifar(std::string_view bytes) {
  constexpr CifarForm forms[] = {
      {}, {.label_bytes = 2, .label = 1, .classes = 100}, {.label_bytes = 2, .label = 0, .classes = 20}};
  const size_t how = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]) % 4;
  const std::string_view file = bytes.substr(std::min<size_t>(bytes.size(), 1));
  if (how < 3)
    read_form(file, forms[how]);
  else
    read_names(file);
}

std::string mutate_cifar(std::string_view bytes, uint64_t seed, const Change& change) {
  if (bytes.empty()) return change(bytes, 32);
  return std::string(bytes.substr(0, 1)) + mutate_gzip(bytes.substr(1), seed, change);
}

const auto& cifar_target = add_target({.name = "cifar", .run = run_cifar, .mutate = mutate_cifar});

}  // namespace

}  // namespace tarn::fuzz
