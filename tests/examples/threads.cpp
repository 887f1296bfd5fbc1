// Samples of a model by eight threads, each with a generator of its own and all with one copy of the weights.
//
//     threads RUN COUNT FILE      writes COUNT rows of float32, one after the other
//
// Row i is the same whichever thread makes it, and the same that `ddpm sample --seed 7` writes.
#include <ddpm/ddpm.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

struct Close {
    void operator()(ddpm_generator *generator) const { ddpm_generator_close(generator); }
};
using Generator = std::unique_ptr<ddpm_generator, Close>;

static void check(ddpm_status status)
{
    if (status != DDPM_OK) throw std::runtime_error(ddpm_error_message());
}

static Generator open(const char *run)
{
    ddpm_generator *opened;
    check(ddpm_generator_open(run, &opened));
    return Generator(opened);
}

static Generator share(const Generator &first)
{
    ddpm_generator *shared;
    check(ddpm_generator_share(first.get(), &shared));
    return Generator(shared);
}

static void sample(ddpm_generator *generator, int64_t first, int64_t count, int64_t columns, float *rows)
{
    const ddpm_view view = {rows, DDPM_VIEW_FLOAT, count, columns, columns, 1};
    check(ddpm_generator_set(generator, "sampling.steps", "10"));
    check(ddpm_generator_sample(generator, 7, first, nullptr, &view));
}

static void run(const char *path, int64_t count, const char *file)
{
    constexpr int THREADS = 8;
    const Generator first = open(path);
    const int64_t columns = ddpm_generator_columns(first.get());
    std::vector<float> rows(static_cast<size_t>(count * columns));
    std::vector<Generator> generators;
    std::vector<std::string> problems(THREADS);
    std::vector<std::thread> threads;
    for (int i = 0; i < THREADS; i++) generators.push_back(share(first));
    for (int i = 0; i < THREADS; i++)
        threads.emplace_back([&, i] {
            const int64_t begin = count * i / THREADS, end = count * (i + 1) / THREADS;
            try {
                sample(generators[i].get(), begin, end - begin, columns, rows.data() + begin * columns);
            } catch (const std::exception &problem) { // its message belongs to this thread
                problems[i] = problem.what();
            }
        });
    for (std::thread &thread : threads) thread.join();
    for (const std::string &problem : problems)
        if (!problem.empty()) throw std::runtime_error(problem);
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char *>(rows.data()), static_cast<std::streamsize>(rows.size() * sizeof(float)));
}

int main(int argc, char **argv)
{
    if (argc != 4) return std::cerr << "usage: threads RUN COUNT FILE\n", 64;
    try {
        run(argv[1], std::atoll(argv[2]), argv[3]);
    } catch (const std::exception &problem) {
        return std::cerr << "threads: " << problem.what() << "\n", 1;
    }
    return 0;
}
