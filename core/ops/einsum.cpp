// Sums of products by letters: diagonals, sums and orders of dimensions around one batched matrix product.
#include <algorithm>
#include <array>
#include <string_view>

#include "core/ops.h"
#include "core/registry.h"

namespace tarn {

namespace {

/// A tensor whose dimensions carry letters.
struct Lettered {
  Tensor x;
  std::string letters;

  bool has(char c) const { return letters.find(c) != std::string::npos; }
  int64_t size(char c) const {
    for (int d = 0; d < x.rank(); ++d) {
      if (letters[static_cast<size_t>(d)] == c) return x.shape()[d];
    }
    return 1;
  }
};

/// An equation in parts, without blanks.
struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

Equation parsed(const std::string& text) {
  std::string clean;
  for (const char c : text) {
    if (c != ' ') clean.push_back(c);
  }
  Equation e;
  const size_t arrow = clean.find("->");
  std::string left = clean.substr(0, arrow);
  for (size_t comma = left.find(','); comma != std::string::npos; comma = left.find(',')) {
    e.inputs.push_back(left.substr(0, comma));
    left = left.substr(comma + 1);
  }
  e.inputs.push_back(left);
  std::array<int, 128> uses{};
  for (const std::string& input : e.inputs) {
    for (const char c : input) {
      check((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), "einsum: '", c, "' in \"", text, "\" is not a letter");
      ++uses[static_cast<size_t>(c)];
    }
  }
  if (arrow == std::string::npos) {  // letters that occur once, in order
    for (size_t c = 0; c < uses.size(); ++c) {
      if (uses[c] == 1) e.output.push_back(static_cast<char>(c));
    }
    return e;
  }
  e.output = clean.substr(arrow + 2);
  for (const char c : e.output) {
    check(c > 0 && uses[static_cast<size_t>(c)] > 0, "einsum: the output letter '", c, "' of \"", text,
          "\" is in no operand");
    check(std::count(e.output.begin(), e.output.end(), c) == 1, "einsum: the output letter '", c, "' of \"", text,
          "\" occurs twice");
  }
  return e;
}

/// Each letter once: a repeated one takes the diagonal.
Lettered without_repeats(const Tensor& x, const std::string& letters) {
  check(letters.size() == static_cast<size_t>(x.rank()), "einsum: \"", letters, "\" has ", letters.size(),
        " letters for an operand of shape ", x.shape());
  Lettered result{x, letters};
  for (size_t i = 0; i < result.letters.size(); ++i) {
    const char c = result.letters[i];
    for (size_t j = result.letters.find(c, i + 1); j != std::string::npos; j = result.letters.find(c, i + 1)) {
      const int64_t first = result.x.shape()[static_cast<int>(i)];
      const int64_t second = result.x.shape()[static_cast<int>(j)];
      check(first == second, "einsum: '", c, "' has sizes ", first, " and ", second, " in ", x.shape());
      // The diagonal comes last; bring it back to its first place.
      result.x = diagonal(result.x, 0, static_cast<int64_t>(i), static_cast<int64_t>(j));
      Dims order;
      for (int64_t d = 0; d < result.x.rank() - 1; ++d) order.push_back(d);
      order.insert(order.begin() + static_cast<int64_t>(i), result.x.rank() - 1);
      result.x = permute(result.x, order);
      result.letters.erase(j, 1);
    }
  }
  return result;
}

/// Sums over the letters that `keep` does not have.
Lettered summed(const Lettered& in, const std::string& keep) {
  Dims dims;
  std::string letters;
  for (size_t i = 0; i < in.letters.size(); ++i) {
    if (keep.find(in.letters[i]) == std::string::npos)
      dims.push_back(static_cast<int64_t>(i));
    else
      letters.push_back(in.letters[i]);
  }
  return dims.empty() ? in : Lettered{sum(in.x, dims), letters};
}

/// Dimensions in the order of `letters`, which must be a permutation of its own.
Tensor arranged(const Lettered& in, const std::string& letters) {
  Dims order;
  for (const char c : letters) order.push_back(static_cast<int64_t>(in.letters.find(c)));
  return permute(in.x, order);
}

/// Letters of `from` that satisfy the predicate, in their order.
template <class Predicate>
std::string chosen(const std::string& from, Predicate predicate) {
  std::string result;
  std::copy_if(from.begin(), from.end(), std::back_inserter(result), predicate);
  return result;
}

int64_t product_of(const Lettered& in, const std::string& letters) {
  int64_t n = 1;
  for (const char c : letters) n *= in.size(c);
  return n;
}

/// Where one operand has size 1 for a letter that the other has more of, it drops the letter: that is broadcasting.
void align(Lettered& a, Lettered& b) {
  for (const char c : std::string(a.letters)) {
    if (!b.has(c) || a.size(c) == b.size(c)) continue;
    check(a.size(c) == 1 || b.size(c) == 1, "einsum: '", c, "' has sizes ", a.size(c), " and ", b.size(c));
    Lettered& narrow_one = a.size(c) == 1 ? a : b;
    const size_t at = narrow_one.letters.find(c);
    narrow_one.x = squeeze(narrow_one.x, static_cast<int64_t>(at));
    narrow_one.letters.erase(at, 1);
  }
}

/// One product: letters in both and in the output are batches, in both but not in the output are summed.
Lettered contracted(Lettered a, Lettered b, const std::string& output) {
  align(a, b);
  a = summed(a, b.letters + output);
  b = summed(b, a.letters + output);
  const auto in_output = [&](char c) { return output.find(c) != std::string::npos; };
  const std::string batch = chosen(a.letters, [&](char c) { return b.has(c) && in_output(c); });
  const std::string inner = chosen(a.letters, [&](char c) { return b.has(c) && !in_output(c); });
  const std::string left = chosen(a.letters, [&](char c) { return !b.has(c); });
  const std::string right = chosen(b.letters, [&](char c) { return !a.has(c); });
  const int64_t n = product_of(a, batch);
  const int64_t k = product_of(a, inner);
  const Tensor y = bmm(reshape(arranged(a, batch + left + inner), Shape{n, product_of(a, left), k}),
                       reshape(arranged(b, batch + right + inner), Shape{n, product_of(b, right), k}), false, true);
  Dims sizes;
  for (const char c : batch + left) sizes.push_back(a.size(c));
  for (const char c : right) sizes.push_back(b.size(c));
  return {reshape(y, sizes), batch + left + right};
}

}  // namespace

Tensor einsum(const std::string& equation, std::span<const Tensor> operands) {
  const Equation e = parsed(equation);
  check(e.inputs.size() == operands.size() && (operands.size() == 1 || operands.size() == 2), "einsum: \"", equation,
        "\" names ", e.inputs.size(), " operands, ", operands.size(), " are given; 1 or 2 are possible");
  Lettered result = without_repeats(operands[0], e.inputs[0]);
  if (operands.size() == 2) result = contracted(result, without_repeats(operands[1], e.inputs[1]), e.output);
  return arranged(summed(result, e.output), e.output);
}
const auto& einsum_row =
    add_op("einsum", "sums of products by letters", [](const Tensors& t) { return einsum("ij,jk->ik", t); })
        .sample({{2, 3}, {3, 2}})
        .sample({{2, 3, 4}, {2, 2, 4}}, Domain::any, [](const Tensors& t) { return einsum("bij,bkj->ikb", t); })
        .sample({{3, 3}}, Domain::any, [](const Tensors& t) { return einsum("ii->i", t); })
        .sample({{2, 3}, {3}}, Domain::any, [](const Tensors& t) { return einsum("ij,j", t); });

}  // namespace tarn
