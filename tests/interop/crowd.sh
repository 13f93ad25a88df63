# SPDX-License-Identifier: LGPL-2.1-or-later
# More than a go-libp2p peer of default limits takes: nobody is failed for it, he waits his turn.

# 300 people through our daemon to one service: see crowd.py.
case_crowd() {
        local program=${go%% *}
        why=$(tests/interop/crowd.py "$build" "$program" | grep -v '^#')
        [ -z "$why" ]
}

reserved() { # LABEL...: how many of them hold a reservation
        local n=0 label
        for label; do
                grep -q '^RESERVED ' "$tmp/$label.out" && n=$((n + 1))
        done
        echo "$n"
}

# It takes 8 connections from one address: the ninth is closed before a word is said, and again, until one of the eight goes.
case_ninth() {
        local n labels=() one=0 end
        stop_peers
        peer_start go relay --role relay --key "$(seed 9)" --listen /ip4/45.79.0.10/tcp/0 || return 1
        for n in 1 2 3 4 5 6 7 8 9; do
                peer_start ours "node$n" --relay "$(address relay)" || return 1
                labels+=("node$n")
        done
        end=$((SECONDS + 15))
        until [ "$(reserved "${labels[@]}")" = 8 ]; do
                [ $SECONDS -lt $end ] || { because "$(reserved "${labels[@]}") of 8 reserved"; return 1; }
                sleep 0.1
        done
        sleep 2
        [ "$(reserved "${labels[@]}")" = 8 ] || { because "nine at a time: the limit was not met"; return 1; }
        until grep -q '^RESERVED ' "$tmp/${labels[one]}.out"; do one=$((one + 1)); done
        kill "${pids[one + 1]}" # after the relay
        end=$((SECONDS + 30))
        until [ "$(reserved "${labels[@]}")" = 9 ]; do
                [ $SECONDS -lt $end ] || { because "the ninth never got its turn"; return 1; }
                sleep 0.1
        done
}

crowd_cases() {
        check crowd/300-people-through-our-daemon-to-go case_crowd
        check crowd/nine-of-ours-behind-one-address-at-a-go-relay case_ninth
        [ -n "$list" ] || stop_peers
}
