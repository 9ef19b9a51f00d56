"""The settings that the HTTP edge goes by."""

from runtime.settings import Settings
from web.declaration import Limit
from web.edge import EdgePolicy, EdgeRates


def edge_policy(settings: Settings) -> EdgePolicy:
    rates = settings.rates
    return EdgePolicy(
        site_url=settings.site_url,
        api_url=settings.api_url,
        allowed_origins=settings.allowed_origins,
        cookie_secure=settings.cookie_secure,
        trusted_proxy_depth=settings.trusted_proxy_depth,
        rates=EdgeRates(
            public=rates.public,
            signed_in=rates.signed_in,
            named={
                Limit.SIGNUP: rates.signup,
                Limit.LOGIN: rates.login,
                Limit.FORGOT_PASSWORD: rates.forgot_password,
                Limit.RESET_PASSWORD: rates.reset_password,
                Limit.UPLOAD: rates.upload,
                Limit.FORMS: rates.forms,
                Limit.GUEST: rates.guest,
            },
        ),
    )
