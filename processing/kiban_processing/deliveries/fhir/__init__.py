"""FHIR R4 の読取り (fhir): JP Core / JP-CLINS documents and collections, single resources and Bulk NDJSON; what no table asks for is never taken."""
