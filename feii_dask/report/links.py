"""Links of a candidate: services at its place, its cubes and its files; nothing is fetched before one is clicked."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.coordinates import SkyCoord
from numpy.typing import ArrayLike

from feii_dask.addresses import shown
from feii_dask.store.cutout_files import plain_name

__all__ = ["Link", "cube_links", "region_file_name", "sexagesimal", "sky_links", "uri_of"]

FIELD_DEG = 0.03  # that the atlases show
BUCKETS = {"stpubdata": "https://stpubdata.s3.amazonaws.com/"}  # that anybody may read over https


@dataclass(frozen=True, slots=True)
class Link:
    """An address and what it is called.

    Attributes
    ----------
    label, address : str
        An address without a scheme is a file beside the report; an empty one is text alone.
    """

    label: str
    address: str


def sky_links(name: str, ra_deg: float, dec_deg: float) -> tuple[Link, ...]:
    """Return links to services that show an object or its surroundings.

    Examples
    --------
    >>> [link.label for link in sky_links("TMC1A", 69.89, 25.69)]
    ['SIMBAD', 'Aladin Lite', 'ESASky', 'MAST']
    >>> sky_links("TMC1A", 69.89, 25.69)[0].address
    'https://simbad.cds.unistra.fr/simbad/sim-id?Ident=TMC1A'
    """
    place = f"{ra_deg:.6f} {dec_deg:+.6f}"
    return (
        Link("SIMBAD", f"https://simbad.cds.unistra.fr/simbad/sim-id?{urlencode({'Ident': name})}"),
        Link(
            "Aladin Lite", f"https://aladin.cds.unistra.fr/AladinLite/?{urlencode({'target': place, 'fov': FIELD_DEG})}"
        ),
        Link("ESASky", f"https://sky.esa.int/esasky/?{urlencode({'target': place, 'fov': FIELD_DEG})}"),
        Link(
            "MAST",
            "https://mast.stsci.edu/portal/Mashup/Clients/Mast/Portal.html?" + urlencode({"searchQuery": place}),
        ),
    )


def cube_links(obs_id: str, uri: str, cutouts: list[str]) -> tuple[Link, ...]:
    """Return links to a cube and to the files that are cut out of it.

    Examples
    --------
    >>> cube_links("jw1", "s3://stpubdata/jwst/a b_s3d.fits", [])[0].address
    'https://stpubdata.s3.amazonaws.com/jwst/a%20b_s3d.fits'
    >>> cube_links("jw1", "javascript:alert(1)", [])[0].address
    ''
    """
    address = shown(uri)
    scheme, _, rest = address.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme == "s3" and bucket in BUCKETS:
        address = BUCKETS[bucket] + quote(key)
    elif scheme != "https":
        address = ""
    files = (Link(f"cutout {number}", quote(path)) for number, path in enumerate(cutouts, start=1))
    return (Link(f"{obs_id}: {shown(uri)}" if uri else obs_id, address), *files)


def sexagesimal(ra_deg: ArrayLike, dec_deg: ArrayLike) -> list[str]:
    """Return coordinates as hours and degrees.

    Examples
    --------
    >>> sexagesimal([69.8966], [25.6956])
    ['04:39:35.184 +25:41:44.16']
    """
    places = SkyCoord(np.atleast_1d(ra_deg) * u.deg, np.atleast_1d(dec_deg) * u.deg)
    return [text.replace("\N{MINUS SIGN}", "-")[:-1] for text in places.to_string("hmsdms", sep=":", precision=3)]


def region_file_name(rank: int, name: str) -> str:
    """Return the name of a candidate's region file.

    Examples
    --------
    >>> region_file_name(3, "V* T Tau")
    '003_V-T-Tau.reg'
    """
    return f"{rank:03d}_{plain_name(name)[:60]}.reg"


def uri_of(matched: pd.DataFrame) -> dict[str, str]:
    """Return where each cube is."""
    return {str(obs_id): str(uri) for obs_id, uri in matched.set_index("obs_id")["uri"].dropna().items()}
