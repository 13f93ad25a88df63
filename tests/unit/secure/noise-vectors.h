/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Noise as go-libp2p 0.47 spoke it with all random input fixed (wire reference 19.3, vectors/noise.json).
 * Initiator: identity seed 00 01 .. 1f, static 21x32, ephemeral 22x32; responder: identity seed 11x32,
 * static 31x32, ephemeral 32x32. Then each side sends the 20 bytes of the multistream header.
 */

#include <stdbool.h>

typedef struct noise_vector {
        bool has_muxers; /* both send "/yamux/1.0.0" */
        const char *frames[3];
        const char *record_of_initiator, *record_of_responder;
} noise_vector;

static const noise_vector noise_vectors[] = {
        {
                .has_muxers = true,
                .frames = {
                          "00200faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20",
                          "00d859d9225473451efffe6b36dbcaefdbf7b1895de62084509a7f5b58bf01d06418a287cd6e"
                          "7f601111d6ec107af5e30d00a852240ded3c2c7489c960d8fa119b234e6e96f5c538ee88fe21"
                          "68be82856546c4c952fba258e2d6ee8c7a74ee1dda4384c6eca7b1c3276a197eeea8145f8aaa"
                          "d90e60c69de2c7d5ce1a38141fe22a1044f639bcd46f0b28571d97d1845c2bf25dbe431644dd"
                          "ac833c39a4a1e9cf92f34ad738fd33c17142370a7c485cfe1c2fb2f7133f671c142c474a6420"
                          "fe448a250039b7a04551d5a952557b5b7a6c54251bb8fb2bcefa3242",
                          "00b81230bdc9918852ae8d76f1d1ae429783e78873dd015c2e05ff261d63f5c5619bbfd699cf"
                          "0aae332e1a446d57bc4d3ff59de866f4365797a036b8bc89a2bc11ec98cf36f174edf759b02c"
                          "ea698a4029bb773da8de1a1490b7690bbd62a42fd57770601dfd0d7f37b0ad4b44613f4b0f24"
                          "01228b76b1df6306934c22b854def042bb68f5187d2be509993ee96e030dcd38ea8544b9254b"
                          "054265de439b9f86c7702cb5e94c2d0240cba5fdf550c21282342b1c5e0b5f8dc9da",
                },
                .record_of_initiator =
                          "00241e005699303f8ca42872f7e493a0a24e8e598b147f46deefdafc77bedc0b8da72ad5d6f7",
                .record_of_responder =
                          "0024d6802007b0752df88822f8dbf3a0f8116b7e822fff4352b93066daf5b7dab01208843e86",
        },
        {
                .has_muxers = false,
                .frames = {
                          "00200faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20",
                          "00ca59d9225473451efffe6b36dbcaefdbf7b1895de62084509a7f5b58bf01d06418a287cd6e"
                          "7f601111d6ec107af5e30d00a852240ded3c2c7489c960d8fa119b234e6e96f5c538ee88fe21"
                          "68be82856546c4c952fba258e2d6ee8c7a74ee1dda4384c6eca7b1c3276a197eeea8145f8aaa"
                          "d90e60c69de2c7d5ce1a38141fe22a1044f639bcd46f0b28571d97d1845c2bf25dbe431644dd"
                          "ac833c39a4a1e9cf92f34ad738fd33c17142370a7c485cfe1c2fb2f7133f671c142c47445d8e"
                          "c37c33b2ea652502636e60253401",
                          "00aa1230bdc9918852ae8d76f1d1ae429783e78873dd015c2e05ff261d63f5c5619bb46a7224"
                          "cb9e78f5ca6592b5e00d4aec9de866f4365797a036b8bc89a2bc11ec98cf36f174edf759b02c"
                          "ea698a4029bb773da8de1a1490b7690bbd62a42fd57770601dfd0d7f37b0ad4b44613f4b0f24"
                          "01228b76b1df6306934c22b854def042bb68f5187d2be509993ee96e030dcd38ea8544b9254b"
                          "054265d055fa431cf736d2bdd35fc4215885f38e",
                },
                .record_of_initiator =
                          "00241e005699303f8ca42872f7e493a0a24e8e598b147f46deefdafc77bedc0b8da72ad5d6f7",
                .record_of_responder =
                          "0024d6802007b0752df88822f8dbf3a0f8116b7e822fff4352b93066daf5b7dab01208843e86",
        },
};
