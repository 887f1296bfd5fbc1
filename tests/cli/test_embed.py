#!/usr/bin/python3
"""libddpm, installed: a C program of a few lines samples a checkpoint, without MPI being started, and gets the bits of
`ddpm sample`.

Run: ctest --preset dev -R cli.embed
"""
import glob
import os
import re
import shutil
import subprocess

import numpy as np

from installed import InstalledCase, output_of
from program import SMALL, finish, latest, read_h5, run, start
from skipped import main

PROGRAM = r"""
#include <ddpm/ddpm.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    ddpm_generator *g;
    ddpm_status status = ddpm_generator_open(argv[1], &g);
    if (status == DDPM_OK && argc > 3) status = ddpm_generator_set(g, "sampling.steps", argv[3]);
    if (status == DDPM_OK && argc > 4) status = ddpm_generator_set(g, "sampling.weights", "raw");
    const int64_t count = atol(argv[2]), half = count / 2, columns = status == DDPM_OK ? ddpm_generator_columns(g) : 1;
    float *rows = malloc(sizeof *rows * count * columns);
    const ddpm_view first = {rows, DDPM_VIEW_FLOAT, half, columns, columns, 1};
    const ddpm_view second = {rows + half * columns, DDPM_VIEW_FLOAT, count - half, columns, columns, 1};
    if (status == DDPM_OK) status = ddpm_generator_sample(g, 7, 0, NULL, &first);
    if (status == DDPM_OK) status = ddpm_generator_sample(g, 7, half, NULL, &second);
    if (status == DDPM_OK)
        fwrite(rows, sizeof *rows, count * columns, stdout);
    else
        fprintf(stderr, "%s: %s\n", ddpm_status_text(status), ddpm_error_message());
    free(rows);
    ddpm_generator_close(g);
    return ddpm_status_exit_code(status);
}
"""
# Threads that open, sample and close by themselves; all get the same rows.
THREADS = r"""
#include <ddpm/ddpm.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 8, TIMES = 25, COUNT = 40 };
static const char *path;
static float rows[THREADS][COUNT * 2];

static void *work(void *mine)
{
    for (int i = 0; i < TIMES; i++) {
        ddpm_generator *g;
        const ddpm_view view = {mine, DDPM_VIEW_FLOAT, COUNT, 2, 2, 1};
        if (ddpm_generator_open(path, &g) != DDPM_OK || ddpm_generator_set(g, "sampling.steps", "3") != DDPM_OK ||
            ddpm_generator_sample(g, 7, 0, NULL, &view) != DDPM_OK)
            return (void *)ddpm_error_message();
        ddpm_generator_close(g);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    void *failure;
    path = argv[argc - 1];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, rows[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &failure);
        if (failure) return fprintf(stderr, "thread %d failed\n", i), 1;
        if (memcmp(rows[0], rows[i], sizeof rows[0])) return fprintf(stderr, "thread %d has other rows\n", i), 1;
    }
    return 0;
}
"""


class Embed(InstalledCase):
    def setUp(self):
        super().setUp()
        self.run_folder = self.train(self.config(), self.path("run"), {**SMALL, "training.iterations": 30})

    def compile(self, program=PROGRAM, package="ddpm"):
        """With cc and pkg-config alone, in the shell as in a makefile."""
        self.write("embed.c", program)
        output_of("/bin/sh", "-c",
                  f"eval cc -Wall -Wextra -Werror -pthread embed.c $(pkg-config --cflags --libs {package}) -o embed",
                  cwd=self.folder, env=self.flags)

    def embed(self, *arguments):
        """Exit code, rows, stderr."""
        done = subprocess.run([self.path("embed"), *map(str, arguments)], capture_output=True, check=False, timeout=30,
                              env={"LD_LIBRARY_PATH": self.library, "PATH": os.environ["PATH"]})
        return done.returncode, np.frombuffer(done.stdout, np.float32), done.stderr.decode()

    def sample(self, *arguments):
        self.ddpm("sample", self.run_folder, "--count", 301, "--seed", 7, "--output", self.path("samples.h5"),
                  *arguments, ranks=2)
        return read_h5(self.path("samples.h5"))["samples"].reshape(-1)

    def test_same_bits(self):
        self.compile()
        for options in ([], [10], [10, "raw"]):
            with self.subTest(options=options):
                wanted = self.sample(*([] if not options else ["--steps", options[0]]),
                                     *(["--weights", "raw"] if len(options) > 1 else []))
                code, rows, stderr = self.embed(self.run_folder, 301, *options)
                self.assertEqual((0, ""), (code, stderr))
                self.assertTrue(np.array_equal(wanted.view(np.uint32), rows.view(np.uint32)))
        code, rows, stderr = self.embed(self.path("absent"), 10)
        self.assertEqual((66, 0), (code, len(rows)))
        self.assertIn("absent", stderr)
        self.assertEqual(64, self.embed(self.run_folder, 10, 1000)[0])
        always = self.train(self.config(), self.path("always"),
                            {**SMALL, "training.iterations": 20, "data.source": "two_moons",
                             "data.condition": "[label]", "diffusion.condition_dropout": 0})
        code, rows, stderr = self.embed(always, 10)
        self.assertEqual((64, 0), (code, len(rows)))
        self.assertIn("diffusion.condition_dropout", stderr)

    def test_sampler(self):
        """The library of exported weights: the same bits, from a program that needs no library but C's."""
        self.compile(package="ddpm-sampler")
        needed = set(re.findall(r"^\s*(\S+)", output_of("ldd", self.path("embed")), re.MULTILINE))
        if "libasan" not in str(needed):
            self.assertEqual({"libc.so.6", "libm.so.6", "linux-vdso.so.1"},
                             {name for name in needed if "ld-" not in name})
        output_of("/bin/sh", "-c",
                  "eval cc -shared -fPIC embed.c $(pkg-config --cflags --libs ddpm-sampler) -o embed.so",
                  cwd=self.folder, env=self.flags)
        undefined = output_of("nm", "-u", os.path.join(self.library, "libddpm_sampler.a"))
        self.assertNotRegex(undefined, r"U (MPI|H5|ompi|omp|GOMP|XXH|yaml|json)_?")
        exported = self.path("run.safetensors")
        self.ddpm("export", self.run_folder, "--output", exported)
        for options in ([], [10]):
            wanted = self.sample(*(["--steps", *options] if options else []))
            code, rows, stderr = self.embed(exported, 301, *options)
            self.assertEqual((0, ""), (code, stderr))
            self.assertTrue(np.array_equal(wanted.view(np.uint32), rows.view(np.uint32)))
        for path, exit_code, says in ((latest(self.run_folder), 65, "ddpm export"),
                                      (self.run_folder, 74, "ddpm export"),
                                      (self.path("absent"), 66, "absent")):
            code, rows, stderr = self.embed(path, 10)
            self.assertEqual((exit_code, 0), (code, len(rows)), stderr)
            self.assertIn(says, stderr)

    def test_threads_open_at_once(self):
        self.compile(THREADS)
        code, _, stderr = self.embed(self.run_folder)
        self.assertEqual((0, ""), (code, stderr))

    def headers(self):
        """The installed ones: {path: text without comments}."""
        found = {}
        for path in glob.glob(os.path.join(self.prefix, "include", "ddpm", "*.h")):
            with open(path, encoding="utf-8") as file:
                found[path] = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
        return found

    def test_headers_declare_what_is_exported(self):
        declared = {os.path.basename(path): re.findall(r"\b(ddpm_\w+)\(", text)
                    for path, text in self.headers().items()}
        of_training = declared.pop("trainer.h")
        of_models = [name for names in declared.values() for name in names]
        self.assertIn("ddpm_generator_open", of_models)
        for library, names in (("libddpm.so", of_models), ("libddpm_train.so", of_models + of_training)):
            exported = output_of("nm", "-D", "--defined-only", os.path.join(self.library, library)).split()[2::3]
            self.assertEqual(sorted(exported), sorted(names), library)
        for library in ("libddpm.a", "libddpm_sampler.a"):
            static = output_of("nm", "-g", "--defined-only", os.path.join(self.library, library))
            self.assertEqual(sorted(re.findall(r" [A-Z] (\w+)", static)), sorted(of_models), library)

    def test_headers_are_cxx_too(self):
        compiler = shutil.which("mpicxx")     # which finds the header of MPI, too
        if not compiler:
            self.skipTest("no C++ compiler")
        for path, text in self.headers().items():
            self.assertIn('extern "C"', text)
            output_of(compiler, "-fsyntax-only", "-x", "c++", "-DOMPI_SKIP_MPICXX",    # MPI's own C++ has warnings
                      "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", os.path.join(self.prefix, "include"), path)

    def test_installed_program(self):
        installed = os.path.join(self.prefix, "bin", "ddpm")
        self.assertEqual(run("--version").stdout, finish(start("--version", command=[installed])).stdout)


if __name__ == "__main__":
    main()
