# Every option of the build: type, default, sentence.
option(SEDGE_TASKS "Build the libraries for media and tasks, and the command, which needs them" ON)
option(SEDGE_TESTS "Build the unit tests" ON)
option(SEDGE_EXAMPLES "Build the examples" ON)
option(SEDGE_WERROR "Warnings are errors" OFF)
option(SEDGE_FUZZ "Build the libFuzzer harnesses (clang)" OFF)
set(SEDGE_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=: address,undefined or thread")
