// A few threads that share the blocks of one loop after another.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

// Threads live as long as the team. A block is worked by whichever thread is free, so nothing may
// depend on who does it: a loop writes to places of its block alone.
class Team {
   public:
    explicit Team(int size) {
        for (int t = 1; t < size; ++t) threads_.emplace_back([this, t] { serve(t); });
    }
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;
    ~Team() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            over_ = true;
        }
        begin_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

    int size() const { return static_cast<int>(threads_.size()) + 1; }

    // Calls work(block, thread) for every block; returns when all are done.
    void run(std::ptrdiff_t blocks, const std::function<void(std::ptrdiff_t, int)>& work) {
        if (threads_.empty() || blocks < 2) {
            for (std::ptrdiff_t b = 0; b < blocks; ++b) work(b, 0);
            return;
        }
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            work_ = &work;
            blocks_ = blocks;
            next_.store(0);
            busy_.store(static_cast<int>(threads_.size()));
            round_.fetch_add(1, std::memory_order_release);
        }
        begin_.notify_all();
        take(0);
        for (int spins = 0; busy_.load(std::memory_order_acquire) > 0; ++spins)
            if (spins > SPINS) std::this_thread::yield();
    }

   private:
    static constexpr int SPINS = 4000;  // a few microseconds: the usual gap between two loops

    void take(int thread) {
        for (std::ptrdiff_t b = next_.fetch_add(1); b < blocks_; b = next_.fetch_add(1))
            (*work_)(b, thread);
    }

    void serve(int thread) {
        long seen = 0;
        for (;;) {
            for (int spins = 0; spins < SPINS && round_.load(std::memory_order_acquire) == seen;)
                ++spins;
            if (round_.load(std::memory_order_acquire) == seen) {
                std::unique_lock<std::mutex> lock(mutex_);
                begin_.wait(lock, [&] { return over_ || round_.load() != seen; });
                if (over_) return;
            }
            seen = round_.load(std::memory_order_acquire);
            take(thread);
            busy_.fetch_sub(1, std::memory_order_release);
        }
    }

    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable begin_;
    const std::function<void(std::ptrdiff_t, int)>* work_ = nullptr;
    std::ptrdiff_t blocks_ = 0;
    std::atomic<std::ptrdiff_t> next_{0};
    std::atomic<int> busy_{0};
    std::atomic<long> round_{0};
    bool over_ = false;
};
