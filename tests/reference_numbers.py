"""A number of ours beside the one R gives: names on both sides, and when the two are alike."""

from __future__ import annotations

from typing import NamedTuple

FIT, ERROR = 1e-4, 1e-3
"""Tolerances of the reference folder: estimates and fit; standard errors."""
INDICES = {
    "parameters": "npar", "fmin": "fmin", "chi2": "chisq", "df": "df", "p_value": "pvalue",
    "baseline_chi2": "baseline.chisq", "baseline_df": "baseline.df", "cfi": "cfi", "tli": "tli",
    "nfi": "nfi", "ifi": "ifi", "rni": "rni", "log_likelihood": "logl",
    "saturated_log_likelihood": "unrestricted.logl", "aic": "aic", "bic": "bic",
    "bic_adjusted": "bic2", "n": "ntotal", "rmsea": "rmsea", "rmsea_low": "rmsea.ci.lower",
    "rmsea_high": "rmsea.ci.upper", "rmsea_close": "rmsea.pvalue", "rmr": "rmr", "srmr": "srmr",
    "gfi": "gfi", "agfi": "agfi", "mfi": "mfi", "ecvi": "ecvi",
}  # fmt: skip
ROBUST = {
    "chi2_scaled": "chisq.scaled", "df": "df.scaled", "p_value_scaled": "pvalue.scaled",
    "scaling_factor": "chisq.scaling.factor", "baseline_chi2_scaled": "baseline.chisq.scaled",
    "cfi_scaled": "cfi.scaled", "tli_scaled": "tli.scaled", "rmsea_scaled": "rmsea.scaled",
    "cfi_robust": "cfi.robust", "tli_robust": "tli.robust", "rmsea_robust": "rmsea.robust",
    "rmsea_robust_low": "rmsea.ci.lower.robust", "rmsea_robust_high": "rmsea.ci.upper.robust",
    "srmr": "srmr",
}  # fmt: skip
ESTIMATES = {
    "estimate": "est", "std_error": "se", "statistic": "z", "p_value": "pvalue",
    "conf_low": "ci.lower", "conf_high": "ci.upper",
}  # fmt: skip
STANDARDIZED = {
    "standardized": "est.std", "standardized_error": "se", "standardized_statistic": "z",
    "standardized_p_value": "pvalue", "standardized_low": "ci.lower",
    "standardized_high": "ci.upper",
}  # fmt: skip
ERRORS = {*ESTIMATES, *STANDARDIZED} - {"estimate", "standardized"}
WITHOUT = {"gfi", "agfi"}
"""Not given where answers are missing: lavaan's compare with pairwise moments."""
INTERVALS = ("conf_low", "conf_high", "statistic", "standardized_low", "standardized_high",
             "standardized_statistic")  # fmt: skip


class Number(NamedTuple):
    """A number of both sides; estimates count relative to their error where that is larger."""

    quantity: str
    ours: float
    theirs: float
    tolerance: float
    floor: float = 0.0

    @property
    def difference(self) -> float:
        """Relative difference; of what may be zero relative to a size that matters there."""
        floor = self.floor
        if "p_value" in self.quantity or "close" in self.quantity:
            floor = 1e-3  # R's 1 - pchisq() has lost the digits of smaller ones
        if self.quantity in INTERVALS or "rmsea" in self.quantity:
            floor = 1e-2
        return abs(self.ours - self.theirs) / max(abs(self.theirs), floor, 1e-12)


Numbers = list[Number]
