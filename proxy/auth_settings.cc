#include "proxy/auth_settings.h"

namespace weir {

Result<std::shared_ptr<const AuthSettings>> make_auth_settings(const Clock& clock, const AuthOptions& options,
                                                               std::string public_url, const std::string& default_key_file,
                                                               Oidc::Fetch fetch, const AuthSettings* before) {
  auto auth = std::make_shared<AuthSettings>();
  auth->options = options;
  auth->public_url = std::move(public_url);
  auth->anonymous = anonymous_name(options);
  auth->users = std::make_shared<const Users>(UsersFile());
  if (auth->open()) return std::shared_ptr<const AuthSettings>(std::move(auth));

  auto keys = KeyRing::read_or_make(options.key_file.empty() ? default_key_file : options.key_file);
  if (!keys) return std::move(keys).error();
  auth->tokens = std::make_shared<const Tokens>(options.service, options.token_ttl, *std::move(keys));
  if (!options.users_file.empty()) {
    auto users = Users::read(options.users_file);
    if (!users) return std::move(users).error();
    auth->users = *std::move(users);
  }
  if (!options.oidc_issuer.empty()) {
    OidcOptions oidc{options.oidc_issuer, options.oidc_audience, options.oidc_jwks, options.oidc_ca_file, options.oidc_claim};
    const bool same = before && before->oidc && before->oidc->options() == oidc;
    auth->oidc = same ? before->oidc : std::make_shared<Oidc>(clock, std::move(oidc), std::move(fetch));
  }
  return std::shared_ptr<const AuthSettings>(std::move(auth));
}

}  // namespace weir
