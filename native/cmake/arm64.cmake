# Toolchain for the boxes' processor, from Debian's g++-aarch64-linux-gnu. `scripts/check-arm64` does all of this. The addon also needs libpcap0.8-dev, libpcap0.8,
# zlib1g-dev and zlib1g of arm64: installed, or unpacked (apt-get download, dpkg -x) into a folder of their own:
#   FLOWSPAN_SYSROOT=FOLDER BUILD_DIR=build/native-arm64 \
#     scripts/build-native -DCMAKE_TOOLCHAIN_FILE="$PWD/native/cmake/arm64.cmake"
# Core and its tests need neither library: -DFLOWSPAN_ADDON=OFF -DFLOWSPAN_CHECKS=ON.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH $ENV{FLOWSPAN_SYSROOT} /usr/aarch64-linux-gnu /usr/lib/aarch64-linux-gnu)
# Libraries that libpcap itself needs are there on the box, not necessarily here.
set(CMAKE_MODULE_LINKER_FLAGS_INIT -Wl,--allow-shlib-undefined)
set(CMAKE_EXE_LINKER_FLAGS_INIT -Wl,--allow-shlib-undefined)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
# Tests run under emulation where it is installed.
find_program(FLOWSPAN_QEMU NAMES qemu-aarch64-static qemu-aarch64)
if(FLOWSPAN_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${FLOWSPAN_QEMU} -L /usr/aarch64-linux-gnu)
endif()
