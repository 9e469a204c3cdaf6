#pragma once
// Credentials for clients on a node, made of a token that somebody else keeps fresh: the two protocols in which a kubelet and a
// docker client ask a program for them.
//
// The token (a Kubernetes service account's, an OpenID Connect issuer's) is the password; weir's token endpoint takes it for one.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir {

struct CredentialOptions {
  // Whose password the token is; the token itself says who that really is.
  std::string username = "token";
  // The registries it is for, as images name them. Empty: for the kubelet the one it asks about, for docker every one.
  std::vector<std::string> registries;
};

// The credential provider protocol, credentialprovider.kubelet.k8s.io/v1: the answer to a request. Where the request brings a
// service account's token, that one is used, else `token`. The kubelet keeps the answer until a minute before the token ends.
// Error: invalid for what is no such request, or no token; timeout for one that has ended.
Result<std::string> kubelet_credential(std::string_view request, std::string_view token, const CredentialOptions& options,
                                       WallSeconds now);

// docker-credential-helpers, `get`: the answer for a server. Error: not_found, with the words that docker knows, for a registry
// that is not one of ours; invalid and timeout as above.
Result<std::string> docker_credential(std::string_view server, std::string_view token, const CredentialOptions& options,
                                      WallSeconds now);
// The same, `list`: which servers there are credentials for.
std::string docker_credential_list(const CredentialOptions& options);

}  // namespace weir
