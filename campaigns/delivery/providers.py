"""Which mailbox provider a recipient's domain belongs to, by name alone: freezing never waits for DNS."""

from collections.abc import Mapping

OTHER = 0

DOMAINS_OF_PROVIDER: Mapping[int, tuple[str, ...]] = {
    1: ("gmail.com", "googlemail.com"),
    2: (
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "hotmail.co.uk",
        "hotmail.fr",
        "hotmail.de",
        "hotmail.it",
        "hotmail.es",
        "live.co.uk",
        "live.fr",
        "outlook.de",
        "outlook.fr",
        "outlook.com.br",
        "hotmail.com.br",
    ),
    3: ("yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yahoo.com.br", "yahoo.co.jp", "ymail.com", "aol.com"),
    4: ("icloud.com", "me.com", "mac.com"),
    5: ("gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "mail.com"),
    6: ("t-online.de", "magenta.de"),
    7: ("orange.fr", "wanadoo.fr", "free.fr", "sfr.fr", "laposte.net"),
    8: ("yandex.ru", "yandex.com", "yandex.com.tr", "mail.ru", "bk.ru", "inbox.ru", "list.ru"),
    9: ("qq.com", "163.com", "126.com", "foxmail.com"),
    10: ("uol.com.br", "bol.com.br", "terra.com.br"),
}

PROVIDER_NAMES: Mapping[int, str] = {
    OTHER: "other",
    1: "Google",
    2: "Microsoft",
    3: "Yahoo",
    4: "Apple",
    5: "GMX",
    6: "Telekom",
    7: "Orange",
    8: "Yandex",
    9: "Tencent",
    10: "UOL",
}

PROVIDER_OF_DOMAIN: Mapping[str, int] = {
    domain: provider for provider, domains in DOMAINS_OF_PROVIDER.items() for domain in domains
}


def provider_of(domain: str) -> int:
    """Return the provider's number for a domain in its A-label form, 0 for any other."""
    return PROVIDER_OF_DOMAIN.get(domain, OTHER)
