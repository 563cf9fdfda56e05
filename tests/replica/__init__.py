"""A replica of the archives on this machine: SIMBAD, MAST, IRSA and the bucket stpubdata, by their real names.

It is a forward proxy with certificates of its own. Clients that obey ``HTTPS_PROXY`` and trust its certificate
authority reach it under the archives' addresses, so that astroquery, pyvo, botocore and s3fs run as they are;
every other host is answered with 502. It serves the tables and cubes of a directory, counts requests, and can be
told to fail in the ways in which archives do.

By hand: ``python -m tests.replica DIRECTORY`` prints what to export.
"""

from .client import Replica, Request
from .faults import Fault

__all__ = ["BUCKET", "IRSA", "MAST", "SIMBAD", "Fault", "Replica", "Request"]

SIMBAD = "simbad.cds.unistra.fr"
MAST = "mast.stsci.edu"
BUCKET = "stpubdata.s3.amazonaws.com"
IRSA = "irsa.ipac.caltech.edu"
