#!/usr/bin/python3
"""What is installed: the Debian package, and the library as other builds find it, from C and from C++.

Run: ctest --preset dev -R cli.install
"""
import os

from installed import BUILD, output_of
from program import Case, finish, run, start
from skipped import main

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(embed LANGUAGES {language})
find_package(ddpm 0.1 REQUIRED)
add_executable(embed {source})
target_link_libraries(embed PRIVATE ddpm::ddpm)
"""
PROGRAM = """
#include <ddpm/ddpm.h>
#include <stdio.h>

int main(void)
{
    ddpm_generator *generator;
    const ddpm_status status = ddpm_generator_open("absent", &generator);
    printf("%d %s\\n", ddpm_status_exit_code(status), ddpm_error_message());
    return 0;
}
"""


class Install(Case):
    def build_and_run(self, language, suffix):
        folder = self.path(language)
        os.makedirs(folder)
        self.write(os.path.join(language, "CMakeLists.txt"), PROJECT.format(language=language, source="embed" + suffix))
        self.write(os.path.join(language, "embed" + suffix), PROGRAM)
        output_of("cmake", "-S", folder, "-B", folder + "/build", "-DCMAKE_PREFIX_PATH=" + self.path("usr"))
        output_of("cmake", "--build", folder + "/build")
        return output_of(folder + "/build/embed", cwd=self.folder)

    def test_found_by_cmake_from_c_and_cxx(self):
        output_of("cmake", "--install", BUILD, "--prefix", self.path("usr"))
        for language, suffix in (("C", ".c"), ("CXX", ".cpp")):
            with self.subTest(language):
                said = self.build_and_run(language, suffix)
                self.assertTrue(said.startswith("66 "), said)
                self.assertIn("absent", said)

    def test_debian_package(self):
        """Installing it for real, and removing it, is a part of tests/bare.sh."""
        output_of("cpack", "--config", os.path.join(BUILD, "CPackConfig.cmake"), "-B", self.folder)
        packages = [name for name in os.listdir(self.folder) if name.endswith(".deb")]
        self.assertEqual(1, len(packages), packages)
        package = self.path(packages[0])
        self.assertIn("libhdf5-openmpi", output_of("dpkg-deb", "--field", package, "Depends"))
        output_of("dpkg-deb", "--extract", package, self.path("root"))
        for name in ("bin/ddpm", "include/ddpm/ddpm.h", "include/ddpm/trainer.h", "include/ddpm/status.h",
                     "include/ddpm/ddpm.f90", "include/ddpm/ddpm_train.f90", "lib/libddpm.so", "lib/libddpm.so.0",
                     "lib/libddpm.a", "lib/libddpm_sampler.a", "lib/libddpm_train.so.0", "lib/pkgconfig/ddpm.pc",
                     "lib/pkgconfig/ddpm-train.pc", "lib/pkgconfig/ddpm-sampler.pc",
                     "lib/cmake/ddpm/ddpmConfig.cmake", "share/doc/ddpm/copyright"):
            self.assertTrue(os.path.exists(self.path("root", "usr", name)), name)
        installed = finish(start("--version", command=[self.path("root", "usr", "bin", "ddpm")]))
        self.assertEqual(run("--version").stdout, installed.stdout)


if __name__ == "__main__":
    main()
