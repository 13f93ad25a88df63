# SPDX-License-Identifier: LGPL-2.1-or-later
# More people than a go-libp2p peer takes at a time: with our programs in front, see crowd.py.

case_crowd() {
        local program=${go%% *}
        why=$(tests/interop/crowd.py "$build" "$program" | grep -v '^#')
        [ -z "$why" ]
}

crowd_cases() {
        check crowd/300-people-through-our-daemon-to-go case_crowd
}
