#!/bin/sh
# Check a kit on aarch64, emulated: Debian's qemu-user and arm64 Python, onnxruntime's aarch64 wheel, all unpacked into
# a folder of its own; nothing is installed. Answers are compared, nothing is timed. Run it before a release:
#   scripts/arm_kit.sh KIT device-report.json
# Needs: apt-get of a Debian, dpkg-deb, python3 with pip. ARM_FOLDER keeps the downloads (default: build/arm).
set -eu
kit=$(realpath "$1") report=$(realpath "$2")
folder=$(realpath -m "${ARM_FOLDER:-build/arm}")
onnxruntime=${ARM_ONNXRUNTIME:-1.23.2} # 1.32.0 crashes under qemu 7.2 when it is imported
python=3.11                            # of Debian 12

fetch() { # fetch ARCHITECTURE PACKAGE...: unpack packages and what they need into $folder/ARCHITECTURE
    architecture=$1 && shift
    apt=$folder/apt-$architecture
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$folder/$architecture"
    : > "$apt/status" # as on an empty machine
    cat > "$apt/conf" <<END
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "root";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
END
    APT_CONFIG=$apt/conf apt-get -q update
    APT_CONFIG=$apt/conf apt-get -q install -y --download-only --no-install-recommends "$@"
    for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$folder/$architecture"; done
}

if [ ! -e "$folder/ready" ]; then
    fetch amd64 qemu-user-static
    fetch arm64 "python$python" libstdc++6
    python3 -m pip download -q -d "$folder/wheels" --platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64 \
        --platform manylinux_2_27_aarch64 --python-version "$python" --implementation cp --only-binary=:all: \
        numpy "onnxruntime==$onnxruntime"
    for wheel in "$folder"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$folder/site"; done
    touch "$folder/ready"
fi
OPENBLAS_NUM_THREADS=1 PYTHONPATH=$folder/site "$folder/amd64/usr/bin/qemu-aarch64-static" -L "$folder/arm64" \
    "$folder/arm64/usr/bin/python$python" -S "$kit/measure.py" --out "$report"
