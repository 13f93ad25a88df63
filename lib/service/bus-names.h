/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names on the bus: architecture.md 5. */

#define BUS_DAEMON_NAME       "dev.peerup.daemon1"
#define BUS_DAEMON_PATH       "/dev/peerup/daemon1"
#define BUS_MANAGER_INTERFACE "dev.peerup.daemon1.Manager"
#define BUS_PEER_INTERFACE    "dev.peerup.daemon1.Peer"
#define BUS_SERVICE_INTERFACE "dev.peerup.daemon1.Service"
#define BUS_PROXY_INTERFACE   "dev.peerup.daemon1.Proxy"
#define BUS_PEER_PREFIX       BUS_DAEMON_PATH "/peer"
#define BUS_SERVICE_PREFIX    BUS_DAEMON_PATH "/service"
#define BUS_PROXY_PREFIX      BUS_DAEMON_PATH "/proxy"

#define BUS_RELAY_NAME              "dev.peerup.relay1"
#define BUS_RELAY_PATH              "/dev/peerup/relay1"
#define BUS_RELAY_MANAGER_INTERFACE "dev.peerup.relay1.Manager"

/* polkit */
#define ACTION_INSPECT            "dev.peerup.daemon1.inspect"
#define ACTION_CONNECT            "dev.peerup.daemon1.connect"
#define ACTION_MANAGE_SERVICES    "dev.peerup.daemon1.manage-services"
#define ACTION_MANAGE_PEERS       "dev.peerup.daemon1.manage-peers"
#define ACTION_MANAGE_CONFIG      "dev.peerup.daemon1.manage-config"
#define ACTION_RELAY_INSPECT      "dev.peerup.relay1.inspect"
#define ACTION_RELAY_MANAGE_PEERS "dev.peerup.relay1.manage-peers"

/* errors */
#define BUS_ERROR_NO_SUCH_PEER         "dev.peerup.daemon1.NoSuchPeer"
#define BUS_ERROR_PEER_UNREACHABLE     "dev.peerup.daemon1.PeerUnreachable"
#define BUS_ERROR_ALREADY_AUTHORIZED   "dev.peerup.daemon1.AlreadyAuthorized"
#define BUS_ERROR_INVALID_PEER_ID      "dev.peerup.daemon1.InvalidPeerID"
#define BUS_ERROR_GATING_DISABLED      "dev.peerup.daemon1.GatingDisabled"
#define BUS_ERROR_SERVICE_EXISTS       "dev.peerup.daemon1.ServiceExists"
#define BUS_ERROR_NO_SUCH_SERVICE      "dev.peerup.daemon1.NoSuchService"
#define BUS_ERROR_INVALID_NAME         "dev.peerup.daemon1.InvalidName"
#define BUS_ERROR_INVALID_ADDRESS      "dev.peerup.daemon1.InvalidAddress"
#define BUS_ERROR_NO_SUCH_PROXY        "dev.peerup.daemon1.NoSuchProxy"
#define BUS_ERROR_PROXY_EXISTS         "dev.peerup.daemon1.ProxyExists"
#define BUS_ERROR_SERVICE_REFUSED      "dev.peerup.daemon1.ServiceRefused"
#define BUS_ERROR_SERVICE_UNKNOWN      "dev.peerup.daemon1.ServiceUnknown"
#define BUS_ERROR_NO_SUCH_RELAY        "dev.peerup.daemon1.NoSuchRelay"
#define BUS_ERROR_RELAY_EXISTS         "dev.peerup.daemon1.RelayExists"
#define BUS_ERROR_LAST_RELAY           "dev.peerup.daemon1.LastRelay"
#define BUS_ERROR_NOT_AUTHORIZED_THERE "dev.peerup.daemon1.NotAuthorizedThere"
#define BUS_ERROR_CONFIG_INVALID       "dev.peerup.daemon1.ConfigInvalid"
