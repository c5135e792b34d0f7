"""The lemmas of an exported file on functions of a multiple, for finite actions."""

from __future__ import annotations

SCALING = r"""
(* Functions of a multiple *)
Lemma scale_max k a b : 0 < k -> Rmax (k * a) (k * b) = k * Rmax a b.
Proof. intro H. exact (RmaxRmult a b k (Rlt_le _ _ H)). Qed.
Lemma scale_max0 k a : 0 < k -> Rmax (k * a) 0 = k * Rmax a 0.
Proof. intro H. rewrite <- (scale_max k a 0 H), Rmult_0_r. reflexivity. Qed.
Lemma scale_min k a b : 0 < k -> Rmin (k * a) (k * b) = k * Rmin a b.
Proof.
  intro H. unfold Rmin. destruct (Rle_dec a b) as [P | P], (Rle_dec (k * a) (k * b)) as [Q | Q]; try reflexivity.
  - destruct Q. apply Rmult_le_compat_l; lra.
  - destruct P. apply Rmult_le_reg_l with k; lra.
Qed.
Lemma scale_min0 k a : 0 < k -> Rmin (k * a) 0 = k * Rmin a 0.
Proof. intro H. rewrite <- (scale_min k a 0 H), Rmult_0_r. reflexivity. Qed.
Lemma scale_abs k a : 0 < k -> Rabs (k * a) = k * Rabs a.
Proof. intro H. rewrite Rabs_mult, (Rabs_right k) by lra. reflexivity. Qed.
Lemma scale_inv k l a : k * l = 1 -> / (k * a) = l * / a.
Proof.
  intro E. assert (K : k <> 0) by (intro Z; rewrite Z, Rmult_0_l in E; lra).
  rewrite Rinv_mult. f_equal. apply Rmult_eq_reg_l with k; [rewrite E; exact (Rinv_r k K) | exact K].
Qed.
Lemma scale_pair k l n : k * l = 1 -> k ^ n * l ^ n = 1.
Proof. intro E. rewrite <- Rpow_mult_distr, E. exact (pow1 n). Qed.
Lemma scale_swap k l : k * l = 1 -> l * k = 1.
Proof. intro E. rewrite Rmult_comm. exact E. Qed.
Lemma scale_sqrt k a : 0 < k -> 0 < a -> sqrt (k * k * a) = k * sqrt a.
Proof.
  intros K A. rewrite sqrt_mult by (try apply Rlt_le; try apply Rmult_lt_0_compat; assumption).
  rewrite sqrt_square by lra. reflexivity.
Qed.
"""
"""Rmax, Rmin, Rabs, inverses and roots of k a."""
