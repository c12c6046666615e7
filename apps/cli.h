// The command line: flags described once, from which parsing, errors and --help are made.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/error.h"

namespace tarn {

/// Something ran and did not hold or could not go on: exit status 1. Any other Error means that nothing was started: 2.
class Failure : public Error {
 public:
  using Error::Error;
};

/// The flags and operands of one command. Targets must outlive the call of `parse`.
class Cli {
 public:
  using Target = std::variant<bool*, int64_t*, double*, std::string*, std::vector<std::string>*>;

  /// `usage` is what follows the command's name; `about` is its help: the first line says what it does, examples come
  /// last.
  Cli(std::string command, std::string usage, std::string about);
  /// A switch or a flag with a value. A vector takes every occurrence. `value` names the value in the help.
  Cli& flag(std::string name, Target target, std::string doc, std::string value = "");
  /// Words that are not flags: at least `least` and at most `most` of them (-1: any number).
  Cli& words(std::vector<std::string>& target, int least, int most, std::string doc);
  /// Fills the targets. Returns false after printing the help that was asked for. Throws an Error for an unknown flag,
  /// naming the nearest, a missing or malformed value, or a wrong number of words.
  bool parse(std::span<const std::string> arguments);
  std::string help() const;

 private:
  struct Flag {
    std::string name, doc, value;
    Target target;
  };
  const Flag& find(const std::string& name) const;
  void set(const Flag& flag, const std::string& value) const;

  std::string command_, usage_, about_;
  std::vector<Flag> flags_;
  std::vector<std::string>* words_ = nullptr;
  int least_ = 0;
  int most_ = 0;
  std::string words_doc_;
};

/// A command of the program.
struct Command {
  std::string name, doc;
  int order;  ///< its place in `tarn --help`
  std::function<int(std::span<const std::string>)> run;
};
const Command& add_command(int order, std::string name, std::string doc,
                           std::function<int(std::span<const std::string>)> run);
std::vector<const Command*> all_commands();

/// Runs the program with the arguments after its name and returns its exit status; only this catches.
int run_program(std::span<const std::string> arguments);

/// `--threads`, which several commands share: 0 leaves the choice to the machine.
void use_threads(int64_t n);

}  // namespace tarn
