# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Where the root file system of the lab is: LAB_ROOT, unless that is set. One for each kind of build (SAN, as in the
# Makefile); those begin as a copy of LAB_BASE. All are below build/lab, where make looks for nothing.

lab_build=$(realpath -m "$(dirname "${BASH_SOURCE[0]}")/../../build/lab")
LAB_BASE=$(realpath -m "${LAB_BASE:-$lab_build/root}")
LAB_ROOT=$(realpath -m "${LAB_ROOT:-$lab_build/${SAN:+${SAN//,/-}/}root}")
export LAB_BASE LAB_ROOT
