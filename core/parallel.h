// Parallel loops over fixed pieces of work; how many pieces there are never depends on the number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>

namespace tarn {

/// A reference to a callable, without allocation. The callable must outlive the call it is passed to.
template <class>
class FunctionRef;
template <class R, class... A>
class FunctionRef<R(A...)> {
 public:
  template <class F>
  FunctionRef(F&& f)  // NOLINT: implicit by design
      : object_(const_cast<void*>(static_cast<const void*>(&f))), call_([](void* o, A... a) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(o))(static_cast<A&&>(a)...);
        }) {}
  R operator()(A... a) const { return call_(object_, static_cast<A&&>(a)...); }

 private:
  void* object_;
  R (*call_)(void*, A...);
};

/// Runs body(0) … body(count - 1), in any order and on any thread. An exception of one of them is thrown to the caller.
/// Put heavy bodies here: each piece should cost at least some 3 µs. A body with vector loops must call a TARN_KERNEL
/// function.
void parallel_for(int64_t count, FunctionRef<void(int64_t)> body);

/// How many pieces a loop over `n` cheap elements is cut into: 1 below 32 K, then few, at most 64.
int64_t pieces(int64_t n);

/// Cuts [0, n) into `pieces(n * cost)` equal ranges and runs body(begin, end) for each. `cost` is the work per index in
/// units of one streamed float (about 0.1 ns). Below the threshold it runs at once on this thread.
void parallel_range(int64_t n, int64_t cost, FunctionRef<void(int64_t, int64_t)> body);

/// Lets at most `n` threads work from now on; throws unless 1 <= n <= 1024. Results never depend on it.
void set_threads(int n);
int threads();
/// Number of processors that this process may use.
int processors();

/// Runs `task` on another thread soon; `wait` blocks until it is done and rethrows what it threw.
class Background {
 public:
  Background();
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  void run(std::function<void()> task);
  void wait();

 private:
  struct Group;
  std::unique_ptr<Group> group_;
};

}  // namespace tarn
